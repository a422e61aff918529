#!/usr/bin/env node
// Lockstep needs Node 24; the machine may have an older one on PATH. The `node` package, a dependency, brings
// the right one: this launcher, plain JavaScript that any Node runs, hands over to it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import nodeModule, { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { HEAP } from './heap.js'

const NODE_MAJOR_MIN = 24
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const main = existsSync(join(root, 'src/cli/main.ts')) ? 'src/cli/main.ts' : 'dist/cli/main.js'

// A lockstep.config.ts in a folder without "type": "module" is fine; Node would warn of it at each command.
const QUIET = ['--disable-warning=ExperimentalWarning', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON']

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) handOver(findNode())
else if (needsHeapFlags()) becomeNode()
else {
  // Halves the time that a command takes to begin. Beside the program, where only those write who may change it anyway;
  // where that cannot be written, nothing is kept. NODE_COMPILE_CACHE names another folder.
  nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules/.cache/compiled'))
  await import(pathToFileURL(join(root, main)).href)
}

// NODE_OPTIONS overrides them.
function needsHeapFlags() {
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ')
  return (
    typeof process.execve === 'function' &&
    process.platform !== 'win32' &&
    !given.includes('--max-old-space-size')
  )
}

/** Replaces this process by itself with the flags: same number, same terminal, nothing left to pass signals on. */
function becomeNode() {
  const args = [process.execPath, ...QUIET, ...HEAP, ...process.execArgv]
  process.execve(process.execPath, [...args, join(root, 'bin/lockstep.js'), ...process.argv.slice(2)])
}

function findNode() {
  try {
    const node = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin/node')
    if (existsSync(node)) return node
  } catch {
    // Not installed: told below, with what to do.
  }
  console.error(
    `lockstep needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version} and the "node" package is not installed. Run: npm ci`,
  )
  return process.exit(1)
}

function handOver(node) {
  const child = spawn(node, [join(root, 'bin/lockstep.js'), ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal's Ctrl-C reaches the child too; any other signal is sent to this process alone and must be passed on.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
