// Creates elements, and times that are updated every second. All text is inserted as text, never as markup.

const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

export function el(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// `as`: how the time is shown, one of ago, for, until, clock.
export function when(at, as) {
  if (!at) return el("span", { class: "unknown" }, "since an unknown time");
  return el("time", { datetime: at, "data-as": as, title: new Date(at).toLocaleString() });
}

export function tell(time, now) {
  const at = Date.parse(time.dateTime);
  const said = {
    ago: () => (now - at < MINUTE ? "just now" : `${span(now - at)} ago`),
    for: () => `for ${span(Math.max(now - at, 0))}`,
    until: () => (at > now ? `in ${exactly(at - now)}` : `${span(now - at)} ago`),
    clock: () => clock(at, now),
  }[time.dataset.as]();
  if (time.textContent !== said) time.textContent = said;
}

function span(ms) {
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ${String(Math.floor((ms % HOUR) / MINUTE)).padStart(2, "0")}`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

function exactly(ms) {
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  return `${Math.floor(ms / HOUR)}:${two((ms % HOUR) / MINUTE)}:${two((ms % MINUTE) / 1000)}`;
}

function clock(at, now) {
  const day = new Date(at).toDateString() === new Date(now).toDateString();
  const form = day ? {} : { month: "short", day: "numeric" };
  return new Date(at).toLocaleString([], { ...form, hour: "2-digit", minute: "2-digit", hour12: false });
}
