// The page's side of the service worker: register it, and tell it which language to open in offline.
export async function keepOffline(url, language) {
  if (!("serviceWorker" in navigator)) return false;
  try {
    await navigator.serviceWorker.register(url, { scope: "/" });
    const registration = await navigator.serviceWorker.ready;
    registration.active.postMessage({ type: "language", language });
    document.documentElement.dataset.offline = "ready";
    return true;
  } catch {
    return false; // refused by the browser's settings: the code still shows while the page is open
  }
}
