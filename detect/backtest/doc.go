// Package backtest measures detection on history: it plays events or counts through a
// [detect.Engine], as they happened, and says how many alerts there would have been, which
// labelled thefts would have been found, how fast, and what a larger or smaller budget of
// false alerts would have changed.
//
//	events ─► Sorter ─┐
//	counts ───────────┴─► Player ─► detect.Engine ─► findings, scores
//	                         │                            │
//	labels ──────────────────┴──────────► Tally ◄─────────┘
//	                                        └─► Report ─► report.json, report.html
//
// It owns the reading of counts and labels, the bookkeeping and the figures. It refuses
// to decode records and to name tokens: whoever calls it hands over events that ingest
// made, and a function that fingerprints. It has no clock; files are the caller's.
package backtest
