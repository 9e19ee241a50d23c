package clickhouse

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
)

// jsonText writes a value as JSON. What text would escape is escaped the same way, so that bytes that are no UTF-8
// stay legible instead of becoming question marks; numbers that JSON does not know are null.
func jsonText(v any) string {
	value := reflect.ValueOf(v)
	switch value.Kind() {
	case reflect.Invalid:
		return "null"
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return text(v)
	case reflect.Float32, reflect.Float64:
		if f := value.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return "null"
		}
		return text(v)
	case reflect.Pointer:
		if value.IsNil() {
			return "null"
		}
		return jsonText(value.Elem().Interface())
	case reflect.Slice, reflect.Array:
		if value.Type().Elem().Kind() == reflect.Uint8 && value.Type().PkgPath() != "" {
			break // net.IP and the like
		}
		parts := make([]string, value.Len())
		for i := range parts {
			parts[i] = jsonText(value.Index(i).Interface())
		}
		return "[" + strings.Join(parts, ",") + "]"
	case reflect.Map:
		parts := make([]string, 0, value.Len())
		for _, k := range value.MapKeys() {
			parts = append(parts, quoted(text(k.Interface()))+":"+jsonText(value.MapIndex(k).Interface()))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	}
	return quoted(text(v))
}

func quoted(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}
