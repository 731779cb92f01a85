// Airflow shows the desk in a sandboxed frame, in which no browser displays a PDF and no link opens
// a tab by itself. A part that is meant for the other case goes, before it loads anything.
const inFrame = window.self !== window.top;
for (const part of document.querySelectorAll("[data-in-frame]")) {
  if ((part.dataset.inFrame === "yes") !== inFrame) {
    part.remove();
    continue;
  }
  part.hidden = false;
  if (part.dataset.src) part.src = part.dataset.src;
}
