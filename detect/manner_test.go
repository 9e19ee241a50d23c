package detect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// hamlet is a small fleet in two countries, in which ann lives in Germany and works from seven to ten at night.
type hamlet struct {
	engine *detect.Engine
	day    time.Time
	offset int64
}

func newHamlet() *hamlet {
	s := &hamlet{engine: detect.New(detect.DefaultConfig(), "t", 0), day: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	for range 28 {
		for hour := range 24 {
			if hour >= 7 && hour <= 22 {
				s.use("ann", hour, germany)
			}
			for i := range 6 {
				s.use(fmt.Sprint("fr", i), (hour+4*i)%24, france)
				s.use(fmt.Sprint("de", i), (hour+4*i)%24, germany)
			}
		}
		s.day = s.day.AddDate(0, 0, 1)
	}
	return s
}

var (
	germany = countryOf("DE", 3320)
	france  = countryOf("FR", 3215)
)

// use makes a request at an hour of the day and returns what the token's score is then.
func (s *hamlet) use(name string, hour int, place schema.Place) float64 {
	at := s.day.Add(time.Duration(hour) * time.Hour)
	s.engine.Process(&schema.Event{Token: tokenOf(name), Time: at, Ingested: at, Place: place, Topic: "t", Offset: s.offset})
	s.offset++
	return s.engine.Score()
}

// TestStrangerAddsUp: a stranger in a country where half of all tokens are, at night, is told from the owner when he
// stays; and as soon as the owner goes on as ever, what was said of the token's manner is taken back.
func TestStrangerAddsUp(t *testing.T) {
	s := newHamlet()
	first := s.use("ann", 1, france)
	last := first
	for hour := 2; hour <= 6; hour++ {
		last = s.use("ann", hour, france)
	}
	if last < first+1 {
		t.Errorf("his first request comes to %.2f, and his sixth hour to no more than %.2f", first, last)
	}
	var back float64
	for hour := 7; hour <= 10; hour++ {
		back = s.use("ann", hour, germany)
	}
	if back > last/2 {
		t.Errorf("%.2f when the owner is back for four hours, it was %.2f", back, last)
	}
}

// TestPlaceAloneIsNoStranger: the same place at the owner's own hours is a journey, however long it is.
func TestPlaceAloneIsNoStranger(t *testing.T) {
	s := newHamlet()
	for day := range 10 {
		for hour := 7; hour <= 22; hour++ {
			if score := s.use("ann", hour, france); score >= 1 {
				t.Fatalf("day %d of a journey comes to %.2f at %d h", day, score, hour)
			}
		}
		s.day = s.day.AddDate(0, 0, 1)
	}
}

// TestRhythmTells: at the owner's hours and in the owner's place, who comes every second hour where the owner comes
// once a day is less like him.
func TestRhythmTells(t *testing.T) {
	s := newHamlet()
	for range 28 {
		s.use("bob", 8, germany)
		s.use("eve", 8, germany)
		s.use("eve", 10, germany)
		s.use("eve", 12, germany)
		s.use("eve", 14, germany)
		s.day = s.day.AddDate(0, 0, 1)
	}
	bob, eve := 0.0, 0.0
	for hour := 8; hour <= 14; hour += 2 {
		bob, eve = s.use("bob", hour, germany), s.use("eve", hour, germany)
	}
	if bob <= eve {
		t.Errorf("whom it is new to comes to %.3f, who always did it to %.3f", bob, eve)
	}
}
