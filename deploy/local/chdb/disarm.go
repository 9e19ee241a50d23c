package chdb

import "errors"

// ErrArmed says that ClickHouse runs as it was built: it ends when a client misbehaves.
var ErrArmed = errors.New("ClickHouse was not disarmed, so a wrong password or a lost connection can end it")
