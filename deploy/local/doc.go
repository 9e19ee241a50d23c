// Package local runs the engines that tokenwatch starts itself when none is configured: a real ClickHouse as
// a child process, and a Kafka broker inside this process. It also finds (FindAssets) and builds (BuildASN)
// the files that they and the geo lookup are made of.
//
//	            this process                                    child process (the same executable)
//	┌──────────────────────────────────┐  stdin: open while   ┌─────────────────────────────────────┐
//	│ StartClickHouse ─────────────────┼─ the parent lives ──►│ ChildMain ─► chdb ─► ClickHouse     │
//	│   DSN  127.0.0.1:tcp, password   │◄─ stderr: last words │   data, logs under DIR/clickhouse   │
//	│ StartKafka ─► kfake ─► DIR/kafka │                      └─────────────────────────────────────┘
//	└──────────────────────────────────┘
//
// Both listen on loopback only, keep their data under the data folder, lock it against a second tokenwatch,
// and carry on with it when started again, also after kill -9.
//
// It refuses to know what the engines are used for: no schema, no topics of its own, nothing of ingest, detect
// or alert. It is for trials, tests and one machine: one node, no replication, and writes that survive the
// death of a process but not a power cut.
package local
