// Package format turns what a gateway wrote about its requests into a [Record] an entry.
//
// A format is a table that says where in the JSON each thing stands and in which unit;
// one scanner walks every record once and knows nothing about gateways:
//
//	record ──► scanner ──slots──► fill ──► finish ──► *Record, one for each entry
//	           (syntax,  (where)  (table: (a format's
//	            UTF-8)             units)  own quirks)
//
// The scanner accepts and refuses exactly what encoding/json does, with one exception:
// a string that is not UTF-8 is refused instead of being mended, since a mended token is
// another token. Nothing is allocated on the way: a Record's fields point into the bytes
// that were given or into a buffer that the next record reuses.
//
// The package refuses to judge: it derives nothing from what the gateway said, makes no
// fingerprint, believes no address. That is what ingest does with a Record. Prompts,
// bodies and whatever else a table does not name are never copied.
package format
