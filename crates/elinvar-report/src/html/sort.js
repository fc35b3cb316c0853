for (const table of document.querySelectorAll("table[data-sort]")) {
  const headings = [...table.tHead.rows[0].cells];
  // The message of a failed trial spans the columns of what it did not measure.
  const cellAt = (row, column) => {
    let next = 0;
    return [...row.cells].find((cell) => column < (next += cell.colSpan));
  };
  const valueAt = (row, column) => {
    const cell = cellAt(row, column);
    return cell.className === "why" ? "" : (cell.dataset.value ?? cell.textContent);
  };
  headings.forEach((heading, column) => {
    heading.querySelector("button")?.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const x = valueAt(a, column), y = valueAt(b, column);
        // What is missing goes last in either direction.
        if (x === "" || y === "") return (x === "") - (y === "");
        const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
        return up ? order : -order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
