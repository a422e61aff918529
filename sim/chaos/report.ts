/** What a run did and found. */
export interface Figures {
  steps: number
  faults: number
  deliveries: number
  kills: number
  rows: number
  cells: number
  differences: number
}

export const noFigures = (): Figures => ({
  steps: 0,
  faults: 0,
  deliveries: 0,
  kills: 0,
  rows: 0,
  cells: 0,
  differences: 0,
})

export const addFigures = (a: Figures, b: Figures): Figures => ({
  steps: a.steps + b.steps,
  faults: a.faults + b.faults,
  deliveries: a.deliveries + b.deliveries,
  kills: a.kills + b.kills,
  rows: a.rows + b.rows,
  cells: a.cells + b.cells,
  differences: a.differences + b.differences,
})

const count = (n: number, what: string): string => `${n.toLocaleString('en')} ${what}`

export const lineOf = ({ steps, faults, deliveries, kills, rows, cells, differences }: Figures): string =>
  [
    count(steps, 'steps'),
    count(faults, 'faults'),
    count(deliveries, 'deliveries'),
    count(kills, 'kills'),
    count(rows, 'rows compared'),
    count(cells, 'cells compared'),
    count(differences, 'differences'),
  ].join(', ')

/** Something that must hold did not. */
export class Divergence extends Error {
  override readonly name = 'Divergence'
}
