package format_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// TestNumbersOfAllLengths reads numbers of all lengths, in quotes and without, with much behind them in the record and with
// nothing, and compares with arbitrary precision.
func TestNumbersOfAllLengths(t *testing.T) {
	f, d := lookup(t, "tokenwatch"), rand.New(rand.NewPCG(7, 11))
	for range 30_000 {
		number := drawNumber(d)
		quote := []string{"", `"`}[d.IntN(2)]
		behind := []string{"", " ", `,"request_id":"r"`}[d.IntN(3)]
		record := fmt.Sprintf(`{"consumer":"x","time":1795295472,"bytes_in":%[2]s%[1]s%[2]s,"latency_ms":%[2]s%[1]s%[2]s,"cost_usd":%[2]s%[1]s%[2]s%[3]s}`, number, quote, behind)
		have := one(t, f, record)
		if want := scaled(number, 0); have.BytesIn != uint64(want) {
			t.Fatalf("%s: have %d, want %d", record, have.BytesIn, want)
		}
		if want := latencyOf(number); have.Latency != want {
			t.Fatalf("%s: have %s, want %s", record, have.Latency, want)
		}
		if want := costOf(number); have.CostUSD != want {
			t.Fatalf("%s: have %g, want %g", record, have.CostUSD, want)
		}
	}
}

// drawNumber draws up to 20 digits and as many behind a point, zeros among them.
func drawNumber(d *rand.Rand) string {
	digits := func(n int) string {
		text := make([]byte, n)
		for i := range text {
			text[i] = "0123456789"[d.IntN(10)]
		}
		return string(text)
	}
	whole := strconv.Itoa(d.IntN(10))
	if n := d.IntN(20); whole != "0" {
		whole += digits(n)
	}
	if d.IntN(2) == 0 {
		return whole
	}
	return whole + "." + digits(1+d.IntN(20))
}

// scaled is a number times 10^shift without what is left behind the point, 0 if that is too large.
func scaled(number string, shift int64) int64 {
	exact, _ := new(big.Rat).SetString(number)
	exact.Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(shift), nil)))
	whole := new(big.Int).Quo(exact.Num(), exact.Denom())
	if !whole.IsInt64() || whole.Int64() == math.MaxInt64 {
		return 0
	}
	return whole.Int64()
}

func latencyOf(number string) string {
	if latency := time.Duration(scaled(number, 6)); latency != 0 {
		return latency.String()
	}
	return ""
}

func costOf(number string) float64 {
	if cost, err := strconv.ParseFloat(number, 64); err == nil && cost <= 1e6 {
		return cost
	}
	return 0
}
