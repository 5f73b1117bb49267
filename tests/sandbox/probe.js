// Tries to reach HOST:PORT in each way that a program has, and says which worked, one a line.
const net = require("node:net");
const dns = require("node:dns").promises;

const [host, other, port] = process.argv.slice(2);

const ways = {
  socket: (to) =>
    new Promise((connected, failed) => {
      const socket = net.connect({ host: to, port: Number(port), timeout: 3000 }, () => {
        socket.destroy();
        connected();
      });
      socket.on("error", failed);
      socket.on("timeout", () => socket.destroy(new Error("timeout")));
    }),
  fetch: async (to) => {
    const answer = await fetch(`http://${to}:${port}/`, { signal: AbortSignal.timeout(3000) });
    if (!answer.ok) throw new Error(`${answer.status}`);
  },
};

(async () => {
  for (const [name, way] of Object.entries(ways))
    for (const to of [host, other])
      await way(to).then(
        () => console.log(`${name} ${to}: reached`),
        (error) => console.log(`${name} ${to}: ${error.cause?.code || error.code || error.message}`),
      );
  await dns.lookup("example.com").then(
    () => console.log("name: known"),
    (error) => console.log(`name: ${error.code}`),
  );
})();
