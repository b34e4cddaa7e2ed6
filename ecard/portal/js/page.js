// Every page but the code's: tells the service worker the language, and leaves nothing behind after signing out.
import { forgetEverything } from "./parts/store.js";

const language = document.documentElement.lang;

navigator.serviceWorker?.getRegistration().then((registration) => {
  registration?.active?.postMessage({ type: "language", language });
});

if (document.querySelector("[data-forget]")) forgetEverything();
