package realkafka_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
)

// roleEnv makes a run of this test binary a process that starts a broker in the folder named, and is killed.
const roleEnv = "REALKAFKA_TEST_PARENT"

func TestMain(m *testing.M) {
	if folder := os.Getenv(roleEnv); folder != "" {
		broker, err := realkafka.Start(context.Background(), realkafka.Config{Dir: folder})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(broker.PID())
		select {}
	}
	os.Exit(m.Run())
}

func wanted(t *testing.T) {
	t.Helper()
	if !realkafka.Wanted() {
		t.Skip("the real Kafka is not asked for: `make test-kafka` runs this")
	}
}

func start(t *testing.T, cfg realkafka.Config) *realkafka.Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	broker, err := realkafka.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Kill(); err != nil {
			t.Error(err)
		}
	})
	return broker
}

// What was acknowledged is there after a stop, and after kill -9; the address stays.
func TestStopKillStart(t *testing.T) {
	wanted(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	broker := start(t, realkafka.Config{Dir: t.TempDir()})
	address := broker.Address()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.DefaultProduceTopic("kept"), kgo.ConsumeTopics("kept"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	create(t, client, "kept")
	for i, end := range []func() error{func() error { return broker.Stop(ctx) }, broker.Kill} {
		if err := client.ProduceSync(ctx, kgo.StringRecord(strconv.Itoa(i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Error("something listens after the broker ended")
		}
		begun := time.Now()
		if err := broker.Start(ctx); err != nil {
			t.Fatal(err)
		}
		t.Log("started again in", time.Since(begun))
	}
	if err := broker.Start(ctx); err == nil {
		t.Error("a running broker is started again")
	}
	var read []string
	for len(read) < 2 && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { read = append(read, string(r.Value)) })
	}
	if strings.Join(read, " ") != "0 1" || broker.Address() != address {
		t.Errorf("read %v from %s", read, broker.Address())
	}
}

func create(t *testing.T, client *kgo.Client, topic string) {
	t.Helper()
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = topic, 1, 1
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, wanted)
	answer, err := request.RequestWith(t.Context(), client)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].ErrorCode)
	}
	// A request whose answer was late is made again, and finds the topic there.
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Fatal(err)
	}
}

// Clients are told the address of the proxy in front.
func TestAdvertised(t *testing.T) {
	wanted(t)
	broker := start(t, realkafka.Config{Dir: t.TempDir(), Advertised: "127.0.0.1:9"})
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Address()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	answer, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if b := answer.Brokers[0]; b.Host != "127.0.0.1" || b.Port != 9 {
		t.Errorf("advertised: %s:%d", b.Host, b.Port)
	}
}

// A frozen broker accepts connections and says nothing; thawed, it goes on.
func TestFreeze(t *testing.T) {
	wanted(t)
	broker := start(t, realkafka.Config{Dir: t.TempDir()})
	if err := broker.Freeze(); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Address()), kgo.RequestTimeoutOverhead(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := client.Ping(short); err == nil {
		t.Error("a frozen broker answers")
	}
	if err := broker.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestABrokerThatCannotStartSaysWhy(t *testing.T) {
	wanted(t)
	_, err := realkafka.Start(t.Context(), realkafka.Config{Dir: t.TempDir(), Properties: map[string]string{"num.io.threads": "many"}})
	if err == nil || !strings.Contains(err.Error(), "num.io.threads") {
		t.Errorf("a wrong property: %v", err)
	}
	_, err = realkafka.Start(t.Context(), realkafka.Config{Dir: t.TempDir(), Listeners: []realkafka.Listener{{Protocol: "HTTP"}}})
	if err == nil || !strings.Contains(err.Error(), `"HTTP" is none of`) {
		t.Errorf("a wrong listener: %v", err)
	}
}

// The JVM ends with the process that started it, also by kill -9.
func TestEndsWithItsParent(t *testing.T) {
	wanted(t)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), roleEnv+"="+t.TempDir())
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	jvm, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // killed, as it was told
	for deadline := time.Now().Add(10 * time.Second); !gone(jvm); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the JVM outlives its parent")
		}
	}
}

// gone tells whether a process has ended; one that only waits to be reaped has.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(status), ") Z ")
}

func TestFind(t *testing.T) {
	jars := t.TempDir()
	t.Setenv(realkafka.JarsEnv, jars)
	if _, err := realkafka.Find(); !errors.Is(err, realkafka.ErrNotInstalled) {
		t.Errorf("a folder without jars: %v", err)
	}
	java := filepath.Join(t.TempDir(), "bin", "java")
	if err := errors.Join(os.Mkdir(filepath.Dir(java), 0o700), os.WriteFile(java, nil, 0o700),
		os.WriteFile(filepath.Join(jars, "kafka_2.13-4.3.1.jar"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JAVA_HOME", filepath.Dir(filepath.Dir(java)))
	if found, err := realkafka.Find(); err != nil || found.Java != java || found.Jars != jars {
		t.Errorf("found %+v, %v", found, err)
	}
}
