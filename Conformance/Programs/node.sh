#!/bin/sh
# node: worker threads, fs promises, child processes, servers, streams. libuv probes io_uring, uses epoll, eventfd and inotify.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C
command -v node >/dev/null || { echo "missing: node"; exit 77; }
cat > main.js <<'EOF'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const fs = require('fs'), fsp = fs.promises, path = require('path'), os = require('os'), zlib = require('zlib');
const cp = require('child_process'), http = require('http'), net = require('net'), crypto = require('crypto'), { once } = require('events');
const { pipeline } = require('stream/promises'), { promisify } = require('util');

async function threads() {
  const shared = new SharedArrayBuffer(4);
  const results = await Promise.all([1, 2, 3, 4].map(n => new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { n, shared } });
    worker.on('message', resolve); worker.on('error', reject);
  })));
  console.log('threads', results, Atomics.load(new Int32Array(shared), 0));
  const failing = new Worker('throw new Error("in the worker")', { eval: true });
  console.log('failing', (await once(failing, 'error'))[0].message);
}
async function files() {
  await fsp.mkdir('made/a/b', { recursive: true });
  await Promise.all(Array.from({ length: 500 }, (_, i) => fsp.writeFile(`made/a/f${i}`, `file ${i}\n`)));
  const texts = await Promise.all(Array.from({ length: 500 }, (_, i) => fsp.readFile(`made/a/f${i}`, 'utf8')));
  console.log('files', texts.length, texts[499].trim(), (await fsp.readdir('made/a')).length);
  const handle = await fsp.open('made/handle', 'w+');
  await handle.write('0123456789'); await handle.truncate(5); const { buffer, bytesRead } = await handle.read(Buffer.alloc(10), 0, 10, 0); await handle.close();
  console.log('handle', bytesRead, buffer.toString('utf8', 0, bytesRead));
  await fsp.symlink('handle', 'made/link'); await fsp.copyFile('made/link', 'made/copy'); await fsp.rename('made/copy', 'made/renamed'); await fsp.chmod('made/renamed', 0o600);
  console.log('links', await fsp.readlink('made/link'), (await fsp.lstat('made/link')).isSymbolicLink(), ((await fsp.stat('made/renamed')).mode & 0o777).toString(8));
  await fsp.appendFile('made/renamed', '!'); console.log('appended', fs.readFileSync('made/renamed', 'utf8'), path.basename(await fsp.realpath('made/link')));
  await fsp.utimes('made/renamed', 1e9, 1e9); console.log('times', (await fsp.stat('made/renamed')).mtimeMs);
  await fsp.access('made/none').catch(error => console.log('error', error.code, error.syscall));
  await fsp.cp('made', 'copied', { recursive: true }); console.log('copied', (await fsp.readdir('copied')).sort().join());
  await pipeline(fs.createReadStream('copied/a/f1'), zlib.createGzip(), fs.createWriteStream('f1.gz')); console.log('gzip', zlib.gunzipSync(fs.readFileSync('f1.gz')).toString().trim());
  const temporary = await fsp.mkdtemp(path.join(os.tmpdir(), 'node-')); await fsp.rm(temporary, { recursive: true });
  const watcher = fs.watch('copied'), event = once(watcher, 'change'); fs.writeFileSync('copied/watched', 'x'); console.log('watch', (await event)[1]); watcher.close();
  await fsp.rm('copied', { recursive: true }); console.log('removed', fs.existsSync('copied'));
}
async function children() {
  console.log('exec', (await promisify(cp.exec)('echo out; echo err >&2')));
  console.log('sync', cp.spawnSync('sh', ['-c', 'cat; exit 3'], { input: 'given' }).status, cp.execFileSync('tr', ['a-z', 'A-Z'], { input: 'upper' }).toString());
  const sleeper = cp.spawn('sleep', ['60']); sleeper.kill(); console.log('killed', await once(sleeper, 'exit'));
  const missing = cp.spawn('/nonexistent'); console.log('missing', (await once(missing, 'error'))[0].code);
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => once(cp.spawn('sh', ['-c', `exit ${i}`]), 'exit'))); console.log('many', many.map(each => each[0]).join());
  const child = cp.fork(__filename, ['child']); child.send({ question: 21 }); console.log('fork', (await once(child, 'message'))[0]); child.disconnect(); await once(child, 'exit');
}
async function servers() {
  const server = http.createServer((request, response) => request.pipe(response)).listen(0, '127.0.0.1'); await once(server, 'listening');
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => fetch(`http://127.0.0.1:${server.address().port}/`, { method: 'POST', body: `body ${i}` }).then(answer => answer.text())));
  console.log('http', answers.length, answers[49]); server.closeAllConnections(); server.close();
  const local = net.createServer(socket => socket.end('over a socket')).listen('node.sock'); await once(local, 'listening');
  let text = ''; for await (const chunk of net.connect('node.sock')) text += chunk; console.log('unix', text); local.close();
}
if (!isMainThread) { Atomics.add(new Int32Array(workerData.shared), 0, workerData.n); parentPort.postMessage(crypto.createHash('md5').update(String(workerData.n)).digest('hex').slice(0, 6)); }
else if (process.argv[2] === 'child') process.on('message', message => process.send({ answer: message.question * 2 }));
else (async () => {
  await threads(); await files(); await children(); await servers();
  console.log('crypto', (await promisify(crypto.pbkdf2)('p', 's', 1000, 8, 'sha1')).toString('hex'), crypto.randomBytes(8).length);
  process.on('exit', code => console.log('exit', code)); process.exitCode = 6;
})().catch(error => { console.log(error.stack); process.exit(1); });
EOF
status=0; node main.js || status=$?; echo "status $status"
echo 'export const value = 7; console.log(import.meta.url.split("/").pop())' > module.mjs
node --input-type=module -e 'import { value } from "./module.mjs"; console.log(value)'
echo 'console.log(1 + 1)' | node -; node --version | cut -c1
