// `npm run dev`: compiles on every change and starts the platform anew once a compile is through.
import { spawn } from 'node:child_process';

const compile = spawn('node_modules/.bin/tsc', ['-b', '-w', '--preserveWatchOutput'], { stdio: ['ignore', 'pipe', 'inherit'] });
let platform;
let starting = false;

async function restart() {
  if (starting) return;
  starting = true;
  if (platform && platform.exitCode === null) {
    const ended = new Promise((resolve) => platform.once('exit', resolve));
    platform.kill('SIGTERM');
    await ended;
  }
  platform = spawn(process.execPath, ['services/all/dist/main.js', ...process.argv.slice(2)], { stdio: 'inherit' });
  starting = false;
}

compile.stdout.setEncoding('utf8').on('data', (text) => {
  process.stdout.write(text);
  if (/Found 0 errors/.test(text)) void restart();
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    compile.kill();
    platform?.kill(signal);
  });
}
