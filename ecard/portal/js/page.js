// Every page but the code's: tells the service worker the language, sends a form once for a press, and leaves nothing
// behind after signing out.
import { Once } from "./parts/once.js";
import { forgetEverything } from "./parts/store.js";

const language = document.documentElement.lang;

navigator.serviceWorker?.getRegistration().then((registration) => {
  registration?.active?.postMessage({ type: "language", language });
});

const once = new Once();
addEventListener("submit", (event) => once.lets(event.target) || event.preventDefault());

if (document.querySelector("[data-forget]")) forgetEverything();
