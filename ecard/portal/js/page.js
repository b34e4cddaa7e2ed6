// Every page but the code's: tells the service worker the language, and leaves nothing behind on sign-out.
import { forgetEverything } from "./parts/store.js";

const language = document.documentElement.lang;

navigator.serviceWorker?.getRegistration().then((registration) => {
  registration?.active?.postMessage({ type: "language", language });
});

for (const form of document.querySelectorAll("form[data-forget]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await forgetEverything();
    form.submit();
  });
}
