package local_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// login is the first packet of ClickHouse's native protocol, as the very old client of revision 50000 writes it: it
// says the least.
type login struct{ database, user, password string }

func (l login) packet() []byte {
	p := text(varint(nil, 0), "test") // 0: hello; the client's name
	p = varint(p, 1, 0, 50000)        // its version and revision
	return text(p, l.database, l.user, l.password)
}

// queryPacket is a query followed by the empty block that ends its external tables.
func queryPacket(sql string) []byte {
	p := text(varint(nil, 1), "", "") // 1: query; no id, no settings
	p = text(varint(p, 2, 0), sql)    // to the end, uncompressed
	return varint(p, 2, 0, 0, 0, 0)   // 2: data; no name, notes, columns or rows
}

func varint(p []byte, values ...uint64) []byte {
	for _, v := range values {
		p = binary.AppendUvarint(p, v)
	}
	return p
}

func text(p []byte, values ...string) []byte {
	for _, v := range values {
		p = append(binary.AppendUvarint(p, uint64(len(v))), v...)
	}
	return p
}

// dial opens a bare connection to the native port. reset makes its close a reset instead of a goodbye.
func dial(t *testing.T, c *local.ClickHouse, reset bool) *net.TCPConn {
	t.Helper()
	connection, err := net.DialTimeout("tcp", c.TCPAddress(), 5*time.Second)
	if err != nil {
		t.Fatalf("%v; how the process ended: %v", err, c.Err())
	}
	tcp := connection.(*net.TCPConn)
	if err := tcp.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if reset {
		if err := tcp.SetLinger(0); err != nil {
			t.Fatal(err)
		}
	}
	return tcp
}

func send(t *testing.T, connection net.Conn, packets ...[]byte) {
	t.Helper()
	for _, p := range packets {
		if _, err := connection.Write(p); err != nil {
			t.Fatal(err)
		}
	}
}

// refuse sends what must not be answered with a hello, and returns when the server has hung up.
func refuse(t *testing.T, c *local.ClickHouse, packet []byte) {
	t.Helper()
	connection := dial(t, c, false)
	defer connection.Close()
	send(t, connection, packet)
	_ = connection.CloseWrite()
	answer, err := io.ReadAll(connection) // ends with a reset when the server left bytes unread
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Fatal("the server neither answered nor hung up")
	}
	if len(answer) > 0 && answer[0] == 0 {
		t.Fatalf("let in: %q", answer)
	}
}

// hangUp is a client that asks and goes after it has read so many bytes, with a goodbye or with a reset.
func hangUp(t *testing.T, c *local.ClickHouse, user login, sql string, after int, reset bool) {
	t.Helper()
	connection := dial(t, c, reset)
	defer connection.Close()
	send(t, connection, user.packet(), queryPacket(sql))
	if _, err := io.CopyN(io.Discard, connection, int64(after)); err != nil {
		t.Fatalf("read %d bytes of the answer: %v", after, err)
	}
}

func TestClickHouseOutlivesBadClients(t *testing.T) {
	for name, test := range map[string]struct {
		times int
		act   func(t *testing.T, c *local.ClickHouse, right login, nth int)
	}{
		"a wrong password": {50, func(t *testing.T, c *local.ClickHouse, right login, _ int) {
			refuse(t, c, login{"default", right.user, "wrong"}.packet())
		}},
		"an unknown user": {10, func(t *testing.T, c *local.ClickHouse, right login, _ int) {
			refuse(t, c, login{"default", "nobody", right.password}.packet())
		}},
		"an unknown database": {10, func(t *testing.T, c *local.ClickHouse, right login, _ int) {
			refuse(t, c, login{"nowhere", right.user, right.password}.packet())
		}},
		"no greeting but bytes": {10, func(t *testing.T, c *local.ClickHouse, _ login, nth int) {
			refuse(t, c, []byte{byte(nth*25 + 1), 0xff, 0xfe, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0x7f})
		}},
		"half a greeting": {10, func(t *testing.T, c *local.ClickHouse, right login, nth int) {
			refuse(t, c, right.packet()[:nth+1])
		}},
		"nothing at all": {10, func(t *testing.T, c *local.ClickHouse, _ login, nth int) {
			dial(t, c, nth%2 == 0).Close()
		}},
		"gone in the middle of an answer": {100, func(t *testing.T, c *local.ClickHouse, right login, nth int) {
			// 8 bytes a number: the last ones go shortly before the end.
			hangUp(t, c, right, "SELECT number FROM numbers(100000)", nth*8000, nth%2 == 0)
		}},
		"gone in the middle of an endless answer": {20, func(t *testing.T, c *local.ClickHouse, right login, nth int) {
			hangUp(t, c, right, "SELECT number FROM system.numbers", nth*100_000, nth%2 == 0)
		}},
		"gone before there is an answer": {20, func(t *testing.T, c *local.ClickHouse, right login, nth int) {
			hangUp(t, c, right, "SELECT sum(sleepEachRow(0.005)) FROM numbers(10) SETTINGS max_block_size = 1", nth, nth%2 == 0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, config(t.TempDir()))
			right := rightLogin(t, c)
			for nth := range test.times {
				test.act(t, c, right, nth)
				if err := c.Err(); err != nil {
					t.Fatalf("after client %d: %v", nth+1, err)
				}
			}
			serves(t, c, right)
		})
	}
}

func rightLogin(t *testing.T, c *local.ClickHouse) login {
	t.Helper()
	dsn, err := url.Parse(c.DSN())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := dsn.User.Password()
	return login{"default", dsn.User.Username(), password}
}

// serves checks that the process which was started is there, is done with every query but one, and answers on both
// ports.
func serves(t *testing.T, c *local.ClickHouse, user login) {
	t.Helper()
	const running = "SELECT count() FROM system.processes WHERE user = 'tokenwatch'"
	eventually(t, 20*time.Second, "the answers nobody waits for are given up", func() bool {
		return query(t, c, running) == "1" // itself
	})
	if gone(c.PID()) || c.Err() != nil {
		t.Fatalf("process %d is gone: %v", c.PID(), c.Err())
	}
	if got := query(t, c, "SELECT 1"); got != "1" {
		t.Errorf("SELECT 1 is %s", got)
	}
	connection := dial(t, c, false)
	defer connection.Close()
	send(t, connection, user.packet())
	if hello := make([]byte, 1); !readsZero(connection, hello) {
		t.Errorf("the native port answers a right login with %d", hello[0])
	}
}

func readsZero(from io.Reader, into []byte) bool {
	_, err := io.ReadFull(from, into)
	return err == nil && into[0] == 0
}
