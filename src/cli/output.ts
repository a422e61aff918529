import type { Progress } from '../lanes/sync.ts'

/** Lines for people go to stderr where a machine reads stdout. */
export const say = (line = ''): void => void process.stderr.write(`${line}\n`)
export const print = (line = ''): void => void process.stdout.write(`${line}\n`)
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2))

const BAR = 24

interface BarProgress extends Omit<Progress, 'stream'> {
  readonly stream: { readonly name: string }
  /** What is counted; default rows. */
  readonly unit?: string
}

/** One line a stream and part, redrawn in place on a terminal, printed at its end elsewhere. */
export function progressBar(out: NodeJS.WriteStream = process.stderr): {
  update(progress: BarProgress): void
  end(): void
} {
  let shown: string | undefined
  let last = ''
  const flush = (): void => {
    if (shown !== undefined) out.write(out.isTTY ? '\n' : `${last}\n`)
    shown = undefined
  }
  return {
    update({ stream, part, rows, total, unit = 'rows' }) {
      const name = part === 'row' ? stream.name : `${stream.name} (${part})`
      if (shown !== name) flush()
      shown = name
      const share = total === undefined || total === 0 ? undefined : Math.min(1, rows / total)
      const bar =
        share === undefined
          ? ''
          : `${'█'.repeat(Math.round(share * BAR)).padEnd(BAR, '░')} ${String(Math.round(share * 100)).padStart(3)}%  `
      last = `  ${name.padEnd(34)} ${bar}${rows.toLocaleString('en-GB')} ${unit}`
      if (out.isTTY) out.write(`\r\u001b[2K${last}`)
    },
    end: flush,
  }
}

/** A table of text, columns as wide as they need; numbers to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const cells = rows.map((row) =>
    row.map((cell) => (cell === null ? '–' : typeof cell === 'number' ? cell.toLocaleString('en-GB') : cell)),
  )
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const isNumber = head.map((_, i) => rows.every((row) => typeof row[i] === 'number' || row[i] === null))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(head), ...cells.map(line)].join('\n')
}

/** How long ago, in words. */
export function ago(iso: string | null, now: number): string {
  if (iso === null) return 'never'
  const s = Math.max(0, Math.round((now - Date.parse(iso)) / 1000))
  if (s < 60) return `${s} s ago`
  if (s < 3600) return `${Math.floor(s / 60)} min ago`
  return s < 86_400 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86_400)} d ago`
}
