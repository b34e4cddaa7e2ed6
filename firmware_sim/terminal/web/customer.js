// The cardholder's side of the counter.
import { start } from "/static/terminal.js";

start();
