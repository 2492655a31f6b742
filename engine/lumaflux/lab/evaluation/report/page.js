"use strict";
// The page is whole without this script: it only sorts tables and shows one choice at a time.

const valueOf = (row, column) => {
  const cell = row.cells[column];
  const number = cell.dataset.value;
  if (number !== undefined) return number === "inf" ? Infinity : Number(number);
  return cell.tagName === "TH" || cell.closest("table").classList.contains("text") ? cell.textContent.trim() : null;
};

const compare = (a, b) =>
  typeof a === "string" || typeof b === "string" ? String(a).localeCompare(String(b), undefined, { numeric: true }) : a < b ? -1 : a > b ? 1 : 0;

function sortBy(table, header, column) {
  const before = header.getAttribute("aria-sort");
  const opposite = { ascending: "descending", descending: "ascending" };
  const order = before in opposite ? opposite[before] : header.dataset.sort;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].map((row) => [row, valueOf(row, column)]);
  rows.sort(([, a], [, b]) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : sign * compare(a, b)));
  table.tBodies[0].append(...rows.map(([row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sortBy(table, header, column));
  });
}

function choose(group, choice) {
  for (const details of document.querySelectorAll("details.choice")) {
    if (details.dataset.group !== group) continue;
    details.open = true;
    details.hidden = details.dataset.choice !== choice;
  }
  for (const chooser of document.querySelectorAll("[data-chooser]")) {
    if (chooser.dataset.chooser === group) chooser.querySelector("select").value = choice;
  }
}

document.documentElement.classList.add("scripted");
const first = {};
for (const chooser of document.querySelectorAll("[data-chooser]")) {
  const group = chooser.dataset.chooser;
  const select = chooser.querySelector("select");
  for (const details of chooser.parentElement.querySelectorAll("details.choice")) {
    if (details.dataset.group !== group) continue;
    select.add(new Option(details.dataset.label, details.dataset.choice));
    if (details.open && !(group in first)) first[group] = details.dataset.choice;
  }
  select.addEventListener("change", () => choose(group, select.value));
  chooser.hidden = select.options.length < 2;
}
for (const [group, choice] of Object.entries(first)) choose(group, choice);
