// The cardholder's side of the counter.
import { drawBasket } from "/static/basket.js";
import { start } from "/static/terminal.js";

start((screen, language) => drawBasket(screen, language));
