package kafka_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
	"github.com/twmb/franz-go/pkg/kfake"
)

// roleEnv makes a run of this test binary a broker, until its standard input is closed.
const roleEnv = "KAFKA_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleEnv) == "broker" {
		playBroker()
		return
	}
	code := m.Run()
	endApache()
	os.Exit(code)
}

func playBroker() {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(cluster.ListenAddrs()[0])
	_, _ = io.Copy(io.Discard, os.Stdin) // its end is the parent's
	cluster.Close()
}

// benchBroker is a broker in another process, so that its CPU is not counted as the client's.
func benchBroker(b *testing.B) string {
	if _, err := realkafka.Find(); err == nil {
		broker, err := realkafka.Start(b.Context(), realkafka.Config{Dir: b.TempDir(), HeapMB: 512})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = broker.Kill() })
		b.Log("the broker is Apache Kafka")
		return broker.Address()
	}
	b.Log("the broker is kfake: no Apache Kafka here, `make kafka` fetches it")
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), roleEnv+"=broker")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { input.Close(); _ = command.Wait() })
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}
