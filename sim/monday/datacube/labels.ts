export const STAGES: Record<number, string> = {
  0: 'Won - Closed (Invoiced)',
  1: 'Lost',
  2: 'Customer Confident Of Project Success',
  3: 'Customer Has Order',
  4: 'Customer Has Order - TP Preferred Supplier',
  5: 'Open Enquiry',
  7: 'Won Via Other Ref',
  8: 'Check with IS',
  10: 'Won - Open (Order Received)',
}

export const PROBABILITIES: Record<number, string> = {
  0: '20%',
  1: '80%',
  2: '10%',
  3: '40%',
  4: '70%',
  6: '90%',
  7: '50%',
  8: '60%',
  9: '30%',
  10: '80% (Preferred)',
}

export const TYPES = ['Refurbishment', 'New Build']

export const CATEGORIES = [
  'Apartments',
  'Commercial',
  'Education',
  'House',
  'Health',
  'Commodity',
  'Industrial',
  'Leisure',
  'Military',
  'Mixed Use',
  'Student Accommodation',
  'Consultancy',
  'Datacentre',
]

export const FUNDING = ['CIF', 'SCA', 'CIF 24/25', 'CIF 25/26', 'CIF 23/24', 'CIF applied']

export const HIDDEN_STATUSES: Record<number, string> = {
  0: 'Quotation Needed',
  1: 'Won Closed',
  2: 'Lost',
  3: 'Quoted',
  4: 'For approval',
  5: 'Archived',
  6: 'Won Open',
  7: 'Quoted - No Value',
  8: 'Quoted - Budget Rate',
  9: 'Waiting On Information',
  10: 'On Hold',
  11: 'Requote Required',
  12: 'Consultancy',
  13: 'Drawing Changes Required',
  14: 'Awaiting Senior Design Approval',
}

export const ORDER_STATUSES: Record<number, string> = {
  0: 'Waiting On Customer',
  1: 'Proforma/Waiting on payment',
  3: 'Awaiting Checklist/Design',
  4: 'Place Order',
  6: 'Waiting On Supplier',
  7: 'Booking Form To Be Sent',
  8: 'Booking Form Sent',
  9: 'Order On Hold',
  10: 'Delivery Issue',
  11: 'Won Closed',
  12: 'Lost',
}

const AMENDMENTS = [
  'Area',
  'U-Value',
  'Layout',
  'Fall',
  'Thickness',
  'Product',
  'Deck',
  'Drainage',
  'Upstands',
  'Price',
  'Drawing Revision',
  'Specification',
  'Customer',
  'Survey',
]

/** Only "New Enquiry" itself counts as one; three others only look like it. */
export const REASONS: Record<number, string> = {
  1: 'New Enquiry',
  2: 'New Enquiry- Option',
  ...Object.fromEntries(AMENDMENTS.map((what, i) => [i + 3, `Amendment - ${what}`])),
  17: 'New Enquiry - Separate Roof',
  18: 'Amendment - Other',
  19: 'New Enquiry - Option',
}

export const PRODUCTS = [
  'Tissue Faced PIR',
  'Foil Faced PIR',
  'Torch On PIR',
  'Tissue Faced PIR (Prebonded)',
  'Foil Faced PIR (Prebonded)',
  'Torch On PIR (Prebonded)',
  'ROCKWOOL HardRock Multi-Fix (DD)',
  'ROCKWOOL HardRock Multi-Fix',
  'ROCKDeck',
  'ROCKDeck (Coverboard)',
  'EPS 100',
  'EPS 150',
  'EPS 200E',
  'EPS 300E',
  'Inverted EPS',
  'EPS/PIR',
  'EPS / PIR Composite',
  'EPS/PIR Composite (Prebonded)',
  'XPS',
  'XPS 300',
  'VIPs',
  'VIP with PIR',
  'Enertherm',
  'Enertherm ALU',
  'T3+',
  'Ready T3+',
  'RoofBlock G1T3+',
  'Glue',
  'Water Filtration Layer',
  '12.7mm CoverBoard',
  'Fixings',
]

export const POSTCODES =
  'AB,AL,B,BA,BB,BD,BH,BL,BN,BR,BS,BT,CA,CB,CF,CH,CM,CO,CR,CT,CV,CW,DA,DD,DE,DG,DH,DL,DN,DT,DY,E,EC,EH,EN,EX,FK,FY,G,GL,GU,HA,HD,HG,HP,HR,HS,HU,HX,IG,IP,IV,KA,KT,KW,KY,L,LA,LD,LE,LL,LN,LS,LU,M,ME,MK,ML,N,NE,NG,NN,NP,NR,NW,OL,OX,PA,PE,PH,PL,PO,PR,RG,RH,RM,S,SA,SE,SG,SK,SL,SM,SN,SO,SP,SR,SS,ST,SW,SY,TA,TD,TF,TN,TQ,TR,TS,TW,UB,W,WA,WC,WD,WF,WN,WR,WS,WV,YO,ZE'.split(
    ',',
  )

const numbered = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${word} ${i + 1}`)

export const FEEDBACK = [
  'Price too high',
  'Lead time',
  'Awaiting funding',
  'Design changed',
  ...numbered('Feedback', 103),
]
export const LOST_TO = ['No response', 'Project cancelled', 'Went warm roof', ...numbered('Competitor', 41)]
export const SUPPLIERS = [
  'Northern Foam',
  'Rock Supplies',
  'Apex Insulation',
  'Delta EPS',
  'Tapercut',
  'Summit Board',
]
export const DECKS = ['Concrete', 'Plywood', 'Metal', 'Timber', 'Existing felt']
export const LAYERING = ['Single layer', 'Double layer', 'Base + taper', 'Pre-cut']
export const URGENCY: Record<number, string> = { 0: 'Medium', 2: 'Urgent', 5: 'N/A' }
