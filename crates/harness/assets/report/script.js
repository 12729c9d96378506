"use strict";
// Clicking a header sorts its table: numbers by data-sort or by their text, rows without a value last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.textContent.trim();
    if (text === "" || text === "–") return null;
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    const number = Number(text.replaceAll(",", ""));
    return Number.isNaN(number) ? text : number;
  };
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const first = header.classList.contains("number") ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = header.getAttribute("aria-sort") === first ? second : first;
      const sign = order === "ascending" ? 1 : -1;
      const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
      const rows = [...body.rows].map((row) => ({ row, value: value(row, column) }));
      rows.sort((a, b) => (a.value === null) - (b.value === null) || (a.value === null ? 0 : sign * compare(a.value, b.value)));
      body.append(...rows.map(({ row }) => row));
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", order);
    });
  });
}

// Cells of a group, or all of them, by what their methods are: a method is shown where it has one of the checked values on every
// axis that has any checked.
{
  const box = document.getElementById("facets");
  const apply = () => {
    const wanted = [...box.querySelectorAll("fieldset")]
      .map((set) => [set.dataset.axis, [...set.querySelectorAll("input:checked")].map((input) => input.value)])
      .filter(([, values]) => values.length > 0);
    let shown = 0;
    let all = 0;
    for (const group of document.querySelectorAll("section.group")) {
      const coordinates = JSON.parse(group.dataset.coordinates);
      const fits = (method) => wanted.every(([axis, values]) => values.some((value) => (coordinates[method]?.[axis] ?? []).includes(value)));
      for (const part of group.querySelectorAll("[data-method]")) part.hidden = !fits(part.dataset.method);
      const methods = Object.keys(coordinates);
      all += methods.length;
      shown += methods.filter(fits).length;
    }
    document.getElementById("facets-shown").textContent = `${shown} of ${all} rows shown.`;
  };
  if (box !== null) {
    box.hidden = false;
    box.open = !matchMedia("(max-width: 40rem)").matches;
    box.addEventListener("change", apply);
    document.getElementById("facets-reset").addEventListener("click", () => {
      for (const input of box.querySelectorAll("input")) input.checked = false;
      apply();
    });
    apply();
  }
}

// Of the plots of a group one is shown, by its cost.
for (const plots of document.querySelectorAll(".plots")) {
  const figures = [...plots.querySelectorAll("figure")];
  if (figures.length < 2) continue;
  const choice = document.createElement("div");
  choice.className = "choice";
  choice.append(`${plots.dataset.measure} against `);
  const buttons = figures.map((figure) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = figure.dataset.cost;
    button.addEventListener("click", () => show(figure));
    choice.append(button);
    return button;
  });
  const show = (chosen) =>
    figures.forEach((figure, i) => {
      figure.hidden = figure !== chosen;
      buttons[i].setAttribute("aria-pressed", String(figure === chosen));
    });
  plots.prepend(choice);
  show(figures[0]);
}

// Items on which two methods disagree: what each found, and what the item is, where the page has it.
for (const box of document.querySelectorAll(".disagreements")) {
  const data = JSON.parse(box.querySelector("script").textContent);
  const [a, b] = ["a", "b"].map((side) => box.querySelector(`[data-side=${side}]`));
  const kind = box.querySelector("[data-kind]");
  const table = box.querySelector("table");
  const more = box.querySelector(".more");
  const few = 25;
  let most = few;
  for (const [side, at] of [[a, 0], [b, 1]]) {
    data.methods.forEach((method, i) => side.append(new Option(`${method.name} (seed ${method.seed})`, i, i === at, i === at)));
  }
  const words = (answer) => (answer === null ? "no answer" : typeof answer === "number" ? (data.classes[answer] ?? `class ${answer}`) : answer);
  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const list = () => {
    const [one, other] = [a, b].map((side) => data.methods[Number(side.value)]);
    const places = data.ids.map((_, i) => i).filter((i) => one.found[i] !== other.found[i]);
    const kinds = { a: [], b: [], none: [] };
    for (const i of places) kinds[one.found[i] === data.gold[i] ? "a" : other.found[i] === data.gold[i] ? "b" : "none"].push(i);
    box.querySelector(".counts").textContent =
      `${places.length} of ${data.of} items: ${kinds.a.length} A right and B wrong, ${kinds.b.length} A wrong and B right, ${kinds.none.length} both wrong, differently.`;
    const chosen = kind.value === "all" ? places : kinds[kind.value];
    const row = (i) => {
      const made = element("tr");
      const name = element("th", data.ids[i]);
      name.scope = "row";
      made.append(name, element("td", words(data.gold[i])));
      for (const side of [one, other]) {
        const cell = element("td", words(side.found[i]), side.found[i] === data.gold[i] ? "right" : "");
        if (side.said?.[i]) cell.append(element("span", side.said[i], "said"));
        made.append(cell);
      }
      const sight = element("td", undefined, "sight");
      const [text, image] = [data.texts?.[i], data.images?.[i]];
      if (text) sight.textContent = text;
      if (image) {
        const drawn = element("img");
        drawn.src = image;
        drawn.alt = `item ${data.ids[i]}`;
        sight.append(drawn);
      }
      made.append(sight);
      return made;
    };
    table.classList.toggle("unseen", !data.texts && !data.images);
    table.tBodies[0].replaceChildren(...chosen.slice(0, most).map(row));
    table.hidden = chosen.length === 0;
    more.hidden = chosen.length <= most;
    more.textContent = `Show more (${Math.min(most, chosen.length)} of ${chosen.length} shown)`;
  };
  const again = () => {
    most = few;
    list();
  };
  for (const control of [a, b, kind]) control.addEventListener("change", again);
  more.addEventListener("click", () => {
    most += 100;
    list();
  });
  box.querySelector(".controls").hidden = false;
  list();
}
