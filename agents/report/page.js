"use strict";
// Timelines are drawn when a patient is opened; the list can be sorted and searched. Nothing is fetched.
(() => {
  const settings = { displaylogo: false, responsive: true, scrollZoom: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"] };
  const narrow = () => window.innerWidth < 640;

  function draw(section) {
    const place = section.querySelector(".figure");
    if (place.dataset.drawn) { Plotly.Plots.resize(place); return; }
    place.dataset.drawn = "yes";
    const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    if (narrow()) {
      Object.assign(figure.layout.margin, { l: 66, r: 46 });
      figure.layout.xaxis.nticks = 4;
      for (const note of figure.layout.annotations) {
        note.font.size = Math.min(note.font.size, 11);
        note.text = note.text.replace(/ \(.*\)/, "");
      }
      for (const name of Object.keys(figure.layout)) {
        if (name.startsWith("yaxis")) { figure.layout[name].tickfont = { ...figure.layout[name].tickfont, size: 9 }; }
      }
    }
    Plotly.newPlot(place, figure.data, figure.layout, settings);
    new ResizeObserver(() => { if (place.clientWidth) { Plotly.Plots.resize(place); } }).observe(place);
  }

  function open() {
    const id = location.hash.slice(1);
    const section = /^patient-\d+$/.test(id) ? document.getElementById(id) : null;
    // The section has a width only once it is laid out.
    if (section) {
      requestAnimationFrame(() => { draw(section); window.scrollTo(0, 0); section.focus({ preventScroll: true }); });
    }
    document.title = section ? `${section.querySelector("h2").firstChild.textContent.trim()} · crs-monitor` : "crs-monitor: replay report";
  }
  window.addEventListener("hashchange", open);
  open();

  const table = document.getElementById("patients");
  const body = table.tBodies[0];
  function sort(heading) {
    const headings = [...table.tHead.rows[0].cells];
    const column = headings.indexOf(heading);
    const number = heading.dataset.key === "number";
    const first = number ? "descending" : "ascending";
    const order = heading.getAttribute("aria-sort") === first ? (number ? "ascending" : "descending") : first;
    headings.forEach((one) => one.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", order);
    const value = (row) => {
      const cell = row.cells[column];
      return number ? Number.parseFloat(cell.dataset.value ?? cell.textContent) || 0 : cell.textContent.trim();
    };
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...body.rows].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      return sign * (number ? a - b : a.localeCompare(b, "en", { numeric: true }));
    });
    body.append(...rows);
  }
  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
  document.getElementById("find").addEventListener("input", (typed) => {
    const wanted = typed.target.value.trim().toLowerCase();
    for (const row of body.rows) { row.hidden = !row.textContent.toLowerCase().includes(wanted); }
  });
  document.addEventListener("keydown", (key) => {
    const turn = { ArrowLeft: "prev", ArrowRight: "next" }[key.key];
    const link = turn && !key.altKey && !key.ctrlKey && !key.metaKey && document.activeElement.tagName !== "INPUT" &&
      document.querySelector(`section.patient:target a[rel=${turn}]`);
    if (link) { link.click(); }
  });
})();
