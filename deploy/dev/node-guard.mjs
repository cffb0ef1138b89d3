// Run first by `npm start`: a clear word instead of a syntax error where the platform's own Node could not be installed.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 9)) {
  console.error(`Yunke needs Node 24.9 or newer and brings Node 26 by npm, but this is ${process.versions.node}. Run \`npm ci\` (without --omit=optional) and start it with \`npm start\`.`);
  process.exit(1);
}
