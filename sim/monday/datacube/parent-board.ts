import type { BoardSpec, ColumnSpec } from '../world/create-world.ts'
import { dropdown, formula, mirror, PARENT_BOARD, plain, status, SUBITEM_BOARD } from './column-specs.ts'
import { CATEGORIES, FEEDBACK, FUNDING, LOST_TO, POSTCODES, PROBABILITIES, STAGES, TYPES } from './labels.ts'

const ofSubitems = (id: string, title: string, shows: string): ColumnSpec =>
  mirror('subitems__1', SUBITEM_BOARD, id, title, shows)

const PROBABILITY =
  'SWITCH({color_mkvmjryt}, "20%", 20, "80%", 80, "10%", 10, "40%", 40, "70%", 70, "90%", 90, "50%", 50, "60%", 60, "30%", 30, "80% (Preferred)", 80, 0)'

const PARENT_GROUPS = [
  { id: 'topics', title: 'Open Enquiries' },
  { id: 'new_group__1', title: 'Won' },
  { id: 'new_group2__1', title: 'Lost' },
  { id: 'new_group91__1', title: 'Templates' },
]

export const parentBoard: BoardSpec = {
  id: PARENT_BOARD,
  name: 'Tapered Enquiry Maintenance',
  groups: PARENT_GROUPS,
  columns: [
    {
      id: 'subitems__1',
      title: 'Subitems',
      type: 'subtasks',
      settings: { boardIds: [Number(SUBITEM_BOARD)] },
    },
    plain('text', 'text3__1', 'Project Name'),
    status('status4__1', 'Pipeline Stage', STAGES),
    dropdown('dropdown7__1', 'Type', TYPES),
    dropdown('dropdown__1', 'Category', CATEGORIES),
    formula('formula_mkpp85yw', 'Gestation Period', '{lookup_mkppq0gc} - {lookup_mkpptgsn}'),
    ofSubitems('lookup_mkq010zk', 'Account', 'mirror_12__1'),
    ofSubitems('lookup_mkqanpbe', 'New Enq Value', 'formula_mkqa31kh'),
    ofSubitems('lookup_mkt3xgz1', 'Product Type', 'mirror875__1'),
    formula(
      'formula_mkq8gyr',
      'Won vs Open/Lost',
      'IF(OR({status4__1} = "Won - Closed (Invoiced)", {status4__1} = "Won - Open (Order Recieved)"), "Won", "Open or Lost")',
    ),
    plain('date', 'date9__1', 'Date Created'),
    plain('date', 'date_mkp0heke', 'Expected Start Date'),
    plain('date', 'date_mkpx4163', 'Follow Up Date'),
    // The real board lists one area twice and carries ids with gaps.
    dropdown('dropdown_mknfpjbt', 'Zip Code', [...POSTCODES, 'B']),
    plain('people', 'person', 'Sales Representative'),
    dropdown('dropdown_mkrb9mq5', 'Funding', FUNDING),
    dropdown('dropdown_mkp0tjks', 'Feedback', FEEDBACK),
    dropdown('dropdown_mkp1rgp9', 'Lost To Who / Why', LOST_TO),
    ofSubitems('mirror4__1', 'Overall Project Value', 'formula_mkp1at5m'),
    ofSubitems('mirror5__1', 'Total Order Value', 'mirror17__1'),
    status('color_mkvmjryt', 'Probability', PROBABILITIES),
    formula('formula_mknkwpb5', 'Probability %', PROBABILITY),
    formula('formula_mkpfesjh', 'Project Value', '{mirror4__1}'),
    formula('formula_mkpfqf6a', 'Weighted Pipeline', 'ROUNDUP({mirror4__1} * {formula_mknkwpb5} / 100, 2)'),
    ofSubitems('lookup_mkpptgsn', 'First Date Designed', 'formula_mkpp1x74'),
    ofSubitems('lookup_mkqsqcck', 'Last Date Designed', 'formula_mkpp1x74'),
    ofSubitems('lookup_mkppq0gc', 'First Date Invoiced', 'formula_mkppwkkq'),
    plain('numbers', 'numeric_mkw8t5cw', 'OUTPUT Gestation Days'),
    plain('numbers', 'numeric_mkw86evn', 'OUTPUT Expected Conversion %'),
    plain('numbers', 'numeric_mkw8nx25', 'OUTPUT Project Rating /100'),
    // Columns nobody maps.
    plain('text', 'text6__1', 'Site Postcode'),
    plain('text', 'dup__of_revision__1', 'Latest Revision'),
    plain('long_text', 'long_text_mkq1a', 'Notes'),
    plain('email', 'email_mkp7', 'Site Contact E-mail'),
    plain('phone', 'phone_mkp7', 'Site Contact Phone'),
    plain('link', 'link_mkqf', 'Drawings Folder'),
    plain('checkbox', 'check_mkqz', 'Chased'),
    plain('numbers', 'numeric_mkp3', 'Budget Area m2'),
    plain('timeline', 'timerange_mkp9', 'Works Window'),
    plain('tags', 'tags_mkp2', 'Tags'),
    plain('file', 'files__1', 'Files'),
    plain('last_updated', 'last_updated__1', 'Last Updated'),
    plain('creation_log', 'creation_log__1', 'Creation Log'),
    plain('item_id', 'item_id__1', 'Item ID'),
  ],
}
