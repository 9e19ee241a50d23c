// Package realkafka runs a real broker of Apache Kafka 4 (KRaft: one node is broker and controller, in one JVM) for
// tests and measurements on this machine.
//
//	this process                                   java
//	┌────────────────────────┐  standard error   ┌───────────────────────────────────────────────┐
//	│ Start ─ format, java ──┼──────────────────►│ kafka.Kafka server.properties                 │
//	│ Broker.Stop, Kill, ... │  DIR/broker.log   │ DIR/data; listens on 127.0.0.1, one port for  │
//	└────────────────────────┘                   │ PLAINTEXT and one for each Listener asked for │
//	                                             └───────────────────────────────────────────────┘
//
// The jars come from Maven (`make kafka` puts them where [Find] looks); a Java of version 17 or newer runs them. A
// start takes two to three seconds and some 300 MB. The JVM ends with this process on Linux, however this process
// ends; elsewhere it has to be stopped.
//
// It refuses to be a production broker, to listen beyond loopback, and to know any topic or client library: it waits
// for the broker with a request of a dozen bytes written by hand.
package realkafka
