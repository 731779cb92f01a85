// Starts the counter of the Volume page. The page tells this script the URL of the counter's
// module, because the URL contains a hash of the content.

const root = document.getElementById("counter");
const { mount } = await import(root.dataset.module);
mount(root, { url: root.dataset.url });
