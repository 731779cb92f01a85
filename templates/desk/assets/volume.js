// Starts the counter of the Volume page. Its module has an address of its own, which only the page
// knows.

const root = document.getElementById("counter");
const { mount } = await import(root.dataset.module);
mount(root, { url: root.dataset.url });
