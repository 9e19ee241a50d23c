// Package push takes in access logs over HTTP, from gateways and agents that cannot speak Kafka, and answers when they are
// safe in Kafka.
//
//	POST /v1/logs ──► who? ──► which topic? ──► unpack, bounded ──► Deliver ──► 200 {"accepted":n}
//	                  401        400             413 415 429 400      503
//
// It takes what these send: Kong's http-log (an object, or an array of them), APISIX's http-logger, Cloudflare's Logpush
// (gzip, and an upload that only tries the way), Fluent Bit (json, json_lines, json_stream), Vector (JSON, NDJSON, text, with gzip,
// zlib or zstd), curl. How records stand in a body is not its business.
//
// At least once: the answer 200 comes when the brokers have acknowledged every record of the body. After any other, and
// after none, the whole body may be sent again; what had been appended of it is then there twice. A body is read whole before
// anything is sent, so an answer of 4xx says that nothing of it was taken. The only record that is refused rather than kept as
// a dead letter is one that came alone, as JSON, and is none: its sender is there to be told.
//
// Memory is bounded by a budget of bytes for all bodies at once: when it is used up the answer is 429, and the sender, who has
// a queue for that, waits. It refuses to work without a token: whoever can send logs can make any token look stolen.
package push
