// Entry point of the page: receives the server's events, announces new high alerts, and shows when nothing arrives.

import { askName, say, showName } from "/answering.js";
import { at, count, draw, holds, now, patients, state, times, touch } from "/ward.js";
import { SIGNS, isLoud, named, waits } from "/labels.js";

const DEAF_MS = 10000; // the server sends its status every two seconds
const heard = { at: 0, words: null, parts: 0, edition: null, unreadable: 0, first: true, blind: false };
let audio = null;

// Receiving.

function listen() {
  const stream = new EventSource("/live");
  stream.addEventListener("ward", (message) => {
    const here = JSON.parse(message.data);
    const names = new Set(here.map((one) => one.reference));
    for (const reference of patients.keys()) if (!names.has(reference)) patients.delete(reference);
    take(here);
    heard.first = false;
  });
  stream.addEventListener("patients", (message) => take(JSON.parse(message.data)));
  stream.addEventListener("pulse", (message) => pulse(JSON.parse(message.data)));
  stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && again(stream));
}

async function again(stream) {
  stream.close();
  try {
    const answer = await fetch("/", { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") return location.assign("/enter");
  } catch { /* The server is away: the banner says so. */ }
  setTimeout(listen, 2000);
}

function pulse(said) {
  heard.at = Date.now();
  state.offset = Date.parse(said.at) - Date.now();
  if (heard.edition && heard.edition !== said.edition) location.reload();
  Object.assign(heard, { parts: said.parts, edition: said.edition, words: said.words, unreadable: said.unreadable });
  state.waiting = said.waiting;
  const blind = new Set(said.blind);
  const moved = blind.size !== state.blind.size || said.blind.some((one) => !state.blind.has(one));
  state.blind = blind;
  if (moved) for (const patient of patients.values()) patient.drawn = false;
  if (moved) draw();
  look();
}

function take(pictures) {
  heard.at = Date.now();
  const news = [];
  for (const picture of pictures) {
    const known = patients.get(picture.reference);
    if (picture.gone) {
      known?.element?.remove();
      patients.delete(picture.reference);
      continue;
    }
    const before = new Set(known ? known.picture.alerts.filter(isLoud).map((one) => one.key) : []);
    const fresh = picture.alerts.filter((one) => isLoud(one) && !before.has(one.key));
    if (fresh.length && !heard.first) news.push([picture, fresh]);
    for (const alert of picture.alerts) {
      if (state.sent.get(alert.key)?.startsWith("said") && !waits(alert)) state.sent.delete(alert.key);
    }
    patients.set(picture.reference, { picture, element: known?.element, drawn: false });
  }
  draw();
  for (const [patient, alerts] of news) say(`${SIGNS.high} New: ${named(patient)}: ${alerts[0].title}${alerts.length > 1 ? ` and ${alerts.length - 1} more` : ""}`);
  if (news.length) beep();
}

function look() {
  const deaf = Date.now() - heard.at > DEAF_MS;
  const words = deaf ? "This page does not hear its server." : heard.words;
  const blind = Boolean(words) && !(deaf && heard.at === 0 && performance.now() < DEAF_MS);
  const whole = deaf || state.blind.size === heard.parts;
  const banner = at("banner");
  if (banner.hidden === blind) banner.hidden = !blind;
  const said = blind ? `${words} What stands here may be old: watch the patients by hand.` : "";
  if (banner.children[1].textContent !== said) {
    banner.children[0].textContent = whole ? "This board is blind." : "A part of this board is blind.";
    banner.children[1].textContent = said;
  }
  if (document.body.classList.toggle("blind", blind && whole) !== heard.blind) {
    heard.blind = blind && whole;
    count();
  }
  const sight = at("sight");
  sight.className = `sight ${blind ? "bad" : state.waiting ? "waiting" : "good"}`;
  const unread = heard.unreadable ? `, ${heard.unreadable} messages unreadable` : "";
  sight.children[1].textContent = blind ? "blind" : state.waiting || `live${unread}`;
  at("clock").textContent = new Date(now()).toLocaleTimeString([], { hour12: false });
}

function beep() {
  if (!audio) return;
  const tone = audio.createOscillator(), volume = audio.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.2, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.6);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.6);
}

at("sound").addEventListener("click", () => {
  audio = audio ? (audio.close(), null) : new AudioContext();
  at("sound").setAttribute("aria-pressed", String(Boolean(audio)));
  at("sound").textContent = audio ? "Sound on" : "Sound off";
  if (audio) say("A soft sound with every new high alert. It is no alarm: do not rely on it.");
  beep();
});
at("name").addEventListener("click", askName);
for (const id of ["unit", "priority"]) {
  at(id).value = localStorage.getItem(id) || "";
  at(id).addEventListener("change", () => {
    localStorage.setItem(id, at(id).value);
    touch(0);
    draw();
  });
}
for (const kind of ["pointermove", "pointerdown", "wheel", "touchmove", "keydown"]) {
  at("ward").addEventListener(kind, () => touch(), { passive: true });
}
let held = false;
setInterval(() => {
  if (held && !holds()) draw();
  held = holds();
  times(document);
  look();
}, 1000);
showName();
listen();
