// The service worker: the app's shell, kept by build, opens with no network. The server puts BUILD in front:
// {version, shells: {language: address}, pages: [address], assets: [address]}. Nothing personal is ever kept here.
/* global BUILD */
const SHELL = `ecard-shell-${BUILD.version}`;
const CHOICE = "ecard-choice";
const CHOICE_KEY = "/-/language";
const HOME = "/";

self.addEventListener("install", (event) => {
  const wanted = [...Object.values(BUILD.shells), ...BUILD.pages, ...BUILD.assets];
  const fresh = wanted.map((address) => new Request(address, { cache: "reload" }));
  event.waitUntil(
    caches
      .open(SHELL)
      .then((cache) => cache.addAll(fresh))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(removeOldShells().then(() => self.clients.claim()));
});

self.addEventListener("message", (event) => {
  if (event.data?.type !== "language" || !(event.data.language in BUILD.shells)) return;
  event.waitUntil(caches.open(CHOICE).then((cache) => cache.put(CHOICE_KEY, new Response(event.data.language))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(navigate(request, url));
  else if (BUILD.assets.includes(url.pathname)) event.respondWith(asset(request, url.pathname));
});

async function removeOldShells() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("ecard-shell-") && name !== SHELL);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function navigate(request, url) {
  const [cache, chosen] = await Promise.all([caches.open(SHELL), language()]);
  if (url.pathname === HOME) return (await cache.match(BUILD.shells[chosen])) ?? fetch(request);
  if (BUILD.pages.includes(url.pathname)) return (await cache.match(url.pathname)) ?? fetch(request);
  try {
    return await fetch(request);
  } catch {
    return Response.redirect(HOME); // no network: whatever was asked for, the code is what is of use
  }
}

async function asset(request, path) {
  const cache = await caches.open(SHELL);
  return (await cache.match(path)) ?? fetch(request);
}

async function language() {
  const cache = await caches.open(CHOICE);
  const chosen = await (await cache.match(CHOICE_KEY))?.text();
  if (chosen in BUILD.shells) return chosen;
  return self.navigator.language.toLowerCase().startsWith("zh") ? "zh-hans" : "en";
}
