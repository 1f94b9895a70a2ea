// Puts the page together.

import { Session, socketAddress } from "./connection.js";
import { Player } from "./sound.js";
import { Desk, makeActions } from "./desk.js";
import { mountCandidates } from "./candidates.js";
import { mountHistory } from "./history.js";
import { mountMelody } from "./melody.js";
import { mountTransport } from "./transport.js";
import { mountToasts } from "./toasts.js";
import { mountBusy } from "./busy.js";
import { mountFiles } from "./files.js";
import { mountStaff } from "./staff.js";
import { mountDaw } from "./daw.js";
import { mountHelp } from "./help.js";
import { mountKeyboard } from "./keyboard.js";
import { mountControls } from "./controls.js";
import { mountRules } from "./rules.js";
import { mountLearning } from "./learning.js";
import { mountTaste } from "./taste.js";

const place = (id) => document.getElementById(id);

const session = new Session(socketAddress(location.href));
// the cookie has the token from now on: the address is seen by who looks on, copied, and kept by the browser
window.history.replaceState(null, "", location.pathname);
const player = new Player();
const desk = new Desk(session, player);
const actions = makeActions(session, player, desk);
const toasts = mountToasts(place("toasts"), place("banner"), session, player);

mountBusy(place("busy"), session, actions);
mountHistory(place("history"), session, actions);
const staff = mountStaff(place("staff"), desk, toasts);
const files = mountFiles(place("files"), place("upload"), place("dropping"), session, desk, toasts);
Object.assign(actions, files.actions, { staff: staff.open });
mountControls(place("attributes"), session, player);
mountRules(place("rules"), session, player);
mountLearning(place("learning"), session, player);
mountTaste(place("taste"), session, player);
mountCandidates(place("candidates"), session, desk, actions, files);
mountMelody(place("melody"), session, player, desk, actions, files);
Object.assign(actions, mountTransport(place("transport"), session, player, desk, actions));
Object.assign(actions, mountDaw(place("files"), place("daw"), session));
Object.assign(actions, mountHelp(place("about"), place("help")));
mountKeyboard(actions, desk);
