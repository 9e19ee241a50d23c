package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/tokenwatch/tokenwatch/deploy/local/testdb"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func TestRetryable(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
		code int
	}{
		{nil, false, 0},
		{errors.New("anything"), false, 0},
		{context.Canceled, false, 0},
		{context.DeadlineExceeded, true, 0},
		{io.EOF, true, 0},
		{io.ErrUnexpectedEOF, true, 0},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, true, 0},
		{&net.DNSError{IsNotFound: true}, true, 0},
		{&ch.Exception{Code: proto.ErrTooManyParts}, true, 252},
		{&driver.Exception{Code: 241}, true, 241},
		{&driver.Exception{Code: 236, Message: "Server shutdown is called"}, true, 236},
		{&ch.Exception{Code: proto.ErrNotEnoughSpace}, true, 243},
		{&ch.Exception{Code: proto.ErrQueryWasCancelled}, true, 394},
		{&ch.Exception{Code: proto.ErrUnknownTable}, false, 60},
		{&driver.Exception{Code: 516}, false, 516},
		{errors.Join(&ch.Exception{Code: 60}, io.EOF), false, 60},
	} {
		wrapped := c.err
		if wrapped != nil {
			wrapped = fmt.Errorf("storing: %w", c.err)
		}
		if got := clickhouse.Retryable(wrapped); got != c.want {
			t.Errorf("Retryable(%v) = %t", wrapped, got)
		}
		if got := clickhouse.ErrorCode(wrapped); got != c.code {
			t.Errorf("ErrorCode(%v) = %d, want %d", wrapped, got, c.code)
		}
	}
}

// A refused greeting is the end of the embedded engine, so this one has its own.
func TestWrongPassword(t *testing.T) {
	config := testdb.On(t, own(t), "x")
	before, host, _ := strings.Cut(string(config.DSN), "@")
	user := before[:strings.LastIndex(before, ":")]
	config.DSN = clickhouse.DSN(user + ":" + secret + "@" + host)
	_, err := clickhouse.Open(t.Context(), config)
	if err == nil {
		t.Fatal("a wrong password was accepted")
	}
	for _, want := range []string{"clickhouse.dsn", `refuses user "tokenwatch"`, "wrong name or password"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the password is in: %v", err)
	}
	if clickhouse.Retryable(err) {
		t.Errorf("retryable: %v", err)
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, host := range map[string]string{
		"unknown host": "no-such-host.invalid:9000", "closed port": "127.0.0.1:1", "no answer": silent.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			config := clickhouse.DefaultConfig()
			config.DSN = clickhouse.DSN("clickhouse://user:" + secret + "@" + host + "/db")
			config.DialTimeout, config.QueryTimeout = 200*time.Millisecond, 200*time.Millisecond
			_, err := clickhouse.Open(t.Context(), config)
			if err == nil || !strings.Contains(err.Error(), "clickhouse.dsn: cannot connect to "+host) {
				t.Fatalf("have %v, want it to name clickhouse.dsn and %s", err, host)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the password is in: %v", err)
			}
			if !clickhouse.Retryable(err) {
				t.Errorf("not retryable: %v", err)
			}
		})
	}
}
