// Package testdb gives tests databases of their own on one embedded ClickHouse, which all tests of a package share.
//
//	Server ─► ClickHouse (deploy/local)
//	            ├─ original     made once, by the migrations, one after the other
//	            ├─ TestOne_1    a copy of it
//	            └─ TestTwo_2    a copy of it
//
// A copy takes a fraction of the work of migrating: each table is made as it ended up. That a copy is what migrations
// would have made is tested here; what they make is tested by schema/clickhouse, step by step.
//
// Only tests import it. It refuses to know what they store.
package testdb
