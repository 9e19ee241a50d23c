package push_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/push"
)

// dial sends what is given, as it is, and answers with the connection.
func dial(t *testing.T, s *httptest.Server, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // a test may have closed it
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

func head(credential string, length int) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", credential, length)
}

// Who is refused without his body being looked at cannot keep the connection by not sending it.
func TestStrangerWhoSendsHalf(t *testing.T) {
	s := serve(t, &kafka{})
	request := strings.Replace(head("not-a-token-of-anybody", 1000), "close", "keep-alive", 1) // then the server awaits the rest
	said, err := io.ReadAll(dial(t, s, request+"{"))
	if err != nil || !bytes.HasPrefix(said, []byte("HTTP/1.1 401")) {
		t.Errorf("%q %v", said, err)
	}
}

// A body that its sender stopped in the middle of is no body: nothing of it is passed on.
func TestHalfABody(t *testing.T) {
	k := &kafka{}
	s := serve(t, k)
	for _, text := range []string{
		head(token, 100) + "{\"a\":1}\n{\"a\":2}\n",
		strings.Replace(head(token, 0), "Content-Length: 0", "Transfer-Encoding: chunked", 1) + "8\r\n{\"a\":1}\n\r\n",
	} {
		conn := dial(t, s, text)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if said, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(said, []byte("HTTP/1.1 400")) || !bytes.Contains(said, []byte("ended early")) {
			t.Errorf("%q %v", said, err)
		}
	}
	if len(k.bodies) > 0 {
		t.Errorf("%q is passed on", k.bodies)
	}
}

// Reading and passing on have the whole time each: a sender who needs most of it takes none of it from Kafka.
func TestSlowSenderAndSlowKafka(t *testing.T) {
	k := &kafka{hold: make(chan struct{}), held: make(chan struct{}, 1)}
	s := serve(t, k, func(c *push.Config) { c.Timeout = 2 * time.Second })
	began := time.Now()
	conn := dial(t, s, head(token, 8)+"{\"a\":")
	time.Sleep(1200 * time.Millisecond) // it is time that is tested
	if _, err := io.WriteString(conn, "12}"); err != nil {
		t.Fatal(err)
	}
	<-k.held
	time.AfterFunc(time.Until(began.Add(2500*time.Millisecond)), func() { close(k.hold) })
	if said, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(said, []byte("HTTP/1.1 200")) {
		t.Errorf("%q %v", said, err)
	}
}

// A connection serves on after a pause that is longer than a body may take.
func TestConnectionIsKept(t *testing.T) {
	s := serve(t, &kafka{})
	conn := dial(t, s, "")
	for range 2 {
		if _, err := io.WriteString(conn, strings.Replace(head(token, 1), "close", "keep-alive", 1)+"x"); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 1000)
		if n, err := conn.Read(said); err != nil || !bytes.HasPrefix(said[:n], []byte("HTTP/1.1 200")) {
			t.Fatalf("%q %v", said[:n], err)
		}
		time.Sleep(1500 * time.Millisecond) // it is time that is tested
	}
}

// 200 is said after the acknowledgement and not before.
func TestAnswerWaitsForAcknowledgement(t *testing.T) {
	k := &kafka{hold: make(chan struct{}), held: make(chan struct{}, 1)}
	s := serve(t, k, func(c *push.Config) { c.Timeout = time.Minute })
	conn := dial(t, s, head(token, 1)+"x")
	<-k.held
	if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n > 0 {
		t.Fatalf("an answer while nothing is acknowledged (%v)", err)
	}
	close(k.hold)
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(said, []byte("HTTP/1.1 200")) {
		t.Errorf("%q %v", said, err)
	}
}

// The log tells of Kafka once when it goes and once when it is back, and not of senders who hang up.
func TestLogOfTrouble(t *testing.T) {
	var log bytes.Buffer
	k := &kafka{hold: make(chan struct{}), held: make(chan struct{}, 1)}
	told := make(told, 10)
	h, err := push.New(config(), []string{"main"}, told, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	h.Open(k.deliver)
	s := httptest.NewServer(h)
	defer s.Close()
	conn := dial(t, s, head(token, 1)+"x")
	<-k.held
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if status := <-told; status != http.StatusServiceUnavailable || log.Len() > 0 {
		t.Errorf("who hung up: %d, %s", status, &log)
	}
	k.hold, k.fail = nil, errors.New("away")
	for range 3 {
		post(t, s.URL, []byte("x"))
		<-told
	}
	k.fail = nil
	for range 2 {
		post(t, s.URL, []byte("x"))
		<-told
	}
	if have := log.String(); strings.Count(have, "cannot pass records on") != 1 || strings.Count(have, "passes records on to Kafka again") != 1 {
		t.Errorf("it says:\n%s", have)
	}
}

// told waits for answers.
type told chan int

func (a told) Answered(status, _, _ int) { a <- status }

// endless is a body that has no end, and counts what was read of it.
type endless struct {
	piece []byte
	read  int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.piece[e.read%len(e.piece):])
	e.read += n
	return n, nil
}

func (e *endless) Close() error { return nil }

// Whatever is sent without an end comes to one, and needs no more memory than a body may: text, a gzip that is all
// zeros, and compressed streams out of which nothing ever comes.
func TestEndlessBodies(t *testing.T) {
	zeros := packed(t, "gzip", make([]byte, 8<<20))
	h, err := push.New(config(), []string{"main"}, &answers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h.Open((&kafka{}).deliver)
	for _, c := range []struct {
		name, encoding string
		piece          []byte
	}{
		{"text", "", []byte("{\"a\":1}\n")},
		{"eight megabytes over and over", "gzip", zeros},
		{"said by nobody", "", zeros},
		{"a bomb in a bomb", "gzip, gzip", packed(t, "gzip", zeros)},
		{"members without content", "gzip", packed(t, "gzip", nil)},
		{"frames to be skipped", "zstd", []byte{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := &endless{piece: c.piece}
			r := httptest.NewRequest(http.MethodPost, push.Path, body)
			r.ContentLength = -1
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Encoding", c.encoding)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			runtime.ReadMemStats(&after)
			if w.Code != http.StatusRequestEntityTooLarge {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if body.read > 1<<20 {
				t.Errorf("%d bytes are read", body.read)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 40<<20 { // garbage included: the decompressor of zstd makes some with every frame
				t.Errorf("%d bytes are allocated for a body of at most 100,000", used)
			}
		})
	}
}

// A short body that was compressed with a large window, as streams are, is taken whatever the bounds.
func TestLargeWindow(t *testing.T) {
	k := &kafka{}
	s := serve(t, k, func(c *push.Config) { c.MaxBodyBytes, c.MaxInFlightBytes = 1<<10, 9<<20 })
	for _, encoding := range []string{"zstd", ""} {
		if status, _, text := post(t, s.URL, packed(t, "zstd", []byte("x")), "Content-Encoding", encoding); status != http.StatusOK {
			t.Errorf("%q: %d %s", encoding, status, text)
		}
	}
	least := push.Config{MaxBodyBytes: 4 << 20, MaxInFlightBytes: 1, Timeout: time.Second}
	for least.Validate() != nil {
		least.MaxInFlightBytes += 1 << 10
	}
	s = serve(t, k, func(c *push.Config) { c.MaxBodyBytes, c.MaxInFlightBytes = least.MaxBodyBytes, least.MaxInFlightBytes })
	noise := make([]byte, 4<<20) // hardly any repetition: the decompressor remembers all of it
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise[:3<<20]) // it never fails
	if status, _, text := post(t, s.URL, packed(t, "zstd", noise), "Content-Encoding", "zstd"); status != http.StatusOK {
		t.Errorf("the largest, in the least memory that is allowed: %d %s", status, text)
	}
}
