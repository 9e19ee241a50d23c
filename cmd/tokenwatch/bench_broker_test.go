package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// brokerEnv makes a run of the test binary be a broker that keeps its data in the named folder. Its processor
// time can then be told from the test's.
const brokerEnv = "TOKENWATCH_TEST_BROKER"

// beBroker runs the embedded broker until standard input closes.
func beBroker(dir string) {
	cfg := local.DefaultKafkaConfig()
	cfg.Dir, cfg.Port = dir, 0
	broker, err := local.StartKafka(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(broker.Brokers()[0])
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
	_ = broker.Close()
	os.Exit(0)
}

// benchBroker is the broker of a measurement: a process of its own.
type benchBroker struct {
	name    string
	address string
	pid     int
}

// startBroker starts a broker that lives until the test ends: Apache Kafka, or the embedded broker where
// there is none and none is insisted on.
func startBroker(t testing.TB, kind, dir string) benchBroker {
	t.Helper()
	if kind == "kfake" {
		return startEmbedded(t, dir)
	}
	real, err := realkafka.Start(t.Context(), realkafka.Config{Dir: dir})
	switch {
	case errors.Is(err, realkafka.ErrNotInstalled) && kind == "auto":
		t.Logf("no Apache Kafka (make kafka fetches it): measuring with the embedded broker; %v", err)
		return startEmbedded(t, dir)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = real.Stop(context.Background()) }) // nothing is kept
	return benchBroker{name: "Apache Kafka", address: real.Address(), pid: real.PID()}
}

func startEmbedded(t testing.TB, dir string) benchBroker {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), brokerEnv+"="+dir)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // asks it to end
		_ = command.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal("the broker has not started: ", err)
	}
	return benchBroker{name: "the embedded broker", address: strings.TrimSpace(line), pid: command.Process.Pid}
}

// config is how tokenwatch reaches a topic of the broker.
func (b benchBroker) config(topic string) kafka.Config {
	cfg := kafka.DefaultConfig()
	cfg.Brokers, cfg.Topic = []string{b.address}, topic
	return cfg
}

// topic makes a topic with so many partitions.
func (b benchBroker) topic(ctx context.Context, t testing.TB, name string, partitions int) kafka.Config {
	t.Helper()
	cfg := b.config(name)
	if err := kafka.EnsureTopic(ctx, cfg, partitions); err != nil {
		t.Fatal(err)
	}
	return cfg
}
