
"use strict";
const heads = [...document.querySelectorAll("th")];
const body = document.querySelector("tbody");
heads.forEach((head, column) => {
  const button = head.querySelector("button");
  if (!button) return;
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const text = (row) => row.cells[column].textContent;
    const rows = [...body.rows].sort((a, b) =>
      text(a).localeCompare(text(b), undefined, { numeric: true }));
    if (down) rows.reverse();
    body.append(...rows);
  });
});
