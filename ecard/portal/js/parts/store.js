// What the phone keeps: one record for each day (its key and credential) and a few named values, in IndexedDB.
// Where there is none, or the page asks for it, the same is kept in memory while the page is open.
const NAME = "ecard";
const VERSION = 1;
const OPEN_TIMEOUT_MS = 3000;

export async function openStore({ persistent = true } = {}) {
  if (!persistent || !globalThis.indexedDB) return memoryStore();
  try {
    return indexedStore(await openDatabase());
  } catch {
    return memoryStore(); // denied, full, or a private window
  }
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    const late = setTimeout(() => reject(new Error("storage does not answer")), OPEN_TIMEOUT_MS);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("days", { keyPath: "date" });
      request.result.createObjectStore("values");
    };
    request.onsuccess = () => {
      clearTimeout(late);
      // Another tab may need a newer layout, and sign-out deletes: never stand in the way.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => {
      clearTimeout(late);
      reject(request.error);
    };
  });
}

function indexedStore(database) {
  function run(mode, work) {
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(["days", "values"], mode);
      const result = work(transaction.objectStore("days"), transaction.objectStore("values"));
      transaction.oncomplete = () => resolve(result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error ?? new Error("storage refused"));
    });
  }
  // A refused write (no space, storage withdrawn) is no reason to show no code: the page says what it means.
  const write = (work) => run("readwrite", work).catch(() => (store.persistent = false));
  const store = {
    persistent: true,
    async load() {
      const read = { days: [], names: [], values: [] };
      await run("readonly", (days, values) => {
        days.getAll().onsuccess = (event) => (read.days = event.target.result);
        values.getAllKeys().onsuccess = (event) => (read.names = event.target.result);
        values.getAll().onsuccess = (event) => (read.values = event.target.result);
      }).catch(() => (store.persistent = false));
      return { days: read.days, values: Object.fromEntries(read.names.map((name, at) => [name, read.values[at]])) };
    },
    putDays: (records) => write((days) => records.forEach((record) => days.put(record))),
    removeDays: (dates) => write((days) => dates.forEach((date) => days.delete(date))),
    setValues: (changes) =>
      write((_days, values) => Object.entries(changes).forEach(([name, value]) => values.put(value, name))),
    clear: () =>
      write((days, values) => {
        days.clear();
        values.clear();
      }),
  };
  return store;
}

function memoryStore() {
  const days = new Map();
  const values = new Map();
  return {
    persistent: false,
    load: async () => ({ days: [...days.values()], values: Object.fromEntries(values) }),
    putDays: async (records) => records.forEach((record) => days.set(record.date, record)),
    removeDays: async (dates) => dates.forEach((date) => days.delete(date)),
    setValues: async (changes) => Object.entries(changes).forEach(([name, value]) => values.set(name, value)),
    clear: async () => {
      days.clear();
      values.clear();
    },
  };
}

// Sign-out: nothing of this person stays on the device. Each step is tried, whatever became of the one before.
export async function forgetEverything() {
  const steps = [
    async () => (await openStore()).clear(),
    async () => localStorage.clear(),
    async () => Promise.all((await caches.keys()).map((name) => caches.delete(name))),
    async () => {
      const registrations = await navigator.serviceWorker.getRegistrations();
      await Promise.all(registrations.map((registration) => registration.unregister()));
    },
  ];
  for (const step of steps) {
    try {
      await step();
    } catch {
      continue; // not offered here (http on a LAN has no caches and no workers)
    }
  }
}
