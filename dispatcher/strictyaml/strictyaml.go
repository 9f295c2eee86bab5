// Package strictyaml reads YAML files that people write, and says all that is wrong with one at once: each
// fault by file, line and key.
package strictyaml

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Document is a file that was read.
type Document struct {
	path string
	root *yaml.Node // nil for an empty file
}

// Parse reads a file's one document. ${NAME} in values is replaced by what env gives; a nil env leaves it.
// The error names variables that are not set.
func Parse(path string, raw []byte, env func(string) (string, bool)) (*Document, error) {
	d := &Document{path: path}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	if len(doc.Content) == 0 {
		return d, nil
	}
	d.root = doc.Content[0]
	if env == nil {
		return d, nil
	}
	s := strict{path: path, env: env}
	s.expand(d.root)
	return d, errors.Join(s.errs...)
}

// Decode fills v, a pointer to a struct with yaml tags. The error names unknown keys and values of the
// wrong type; what is right is filled in all the same.
func (d *Document) Decode(v any) error {
	if d.root == nil {
		return nil
	}
	s := strict{path: d.path}
	s.check(d.root, reflect.TypeOf(v).Elem(), "")
	return errors.Join(append(s.errs, named(d.path, d.root.Decode(v)))...)
}

// Line returns the line of a value, by the keys (strings) and places in lists (ints) that lead to it; of
// what stands around it, where it is not there; 1 for an empty file.
func (d *Document) Line(keys ...any) int {
	line, n := 1, d.root
	for n != nil {
		line = n.Line
		if len(keys) == 0 {
			break
		}
		n, keys = child(n, keys[0]), keys[1:]
	}
	return line
}

// child returns a value of a mapping, or an item of a list; nil if there is none.
func child(n *yaml.Node, key any) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch key := key.(type) {
	case int:
		if n.Kind == yaml.SequenceNode && key < len(n.Content) {
			return n.Content[key]
		}
	case string:
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

// Decode reads one document into v as [Parse] and [Document.Decode] do.
func Decode(path string, raw []byte, env func(string) (string, bool), v any) error {
	d, err := Parse(path, raw, env)
	if d.root == nil {
		return err
	}
	return errors.Join(err, d.Decode(v))
}

// Decoder decodes a part of a file: the adapters' view of their settings. The part stands below key.
func Decoder(path string, node yaml.Node, key string) func(any) error {
	return func(v any) error {
		if node.Kind == 0 {
			return nil // no settings: the adapter says what it misses
		}
		s := strict{path: path}
		s.check(&node, reflect.TypeOf(v).Elem(), key)
		if len(s.errs) > 0 {
			return errors.Join(s.errs...)
		}
		return named(path, node.Decode(v))
	}
}

// Shaped is a type that decodes itself, and whose keys are nevertheless to be checked: as those of the
// type that it names.
type Shaped interface{ YAMLShape() reflect.Type }

// named puts the file before every fault that the YAML library found; it names the lines itself.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		var errs []error
		for _, fault := range e.Errors {
			line, what, _ := strings.Cut(strings.TrimPrefix(fault, "line "), ": ")
			errs = append(errs, fmt.Errorf("%s:%s: %s", path, line, what))
		}
		return errors.Join(errs...)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// strict finds what the YAML library lets pass.
type strict struct {
	path string
	env  func(string) (string, bool)
	errs []error
}

func (s *strict) fault(n *yaml.Node, format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf("%s:%d: %s", s.path, n.Line, fmt.Sprintf(format, args...)))
}

// expand replaces ${NAME} in values by environment variables. A value without one stays as it is,
// so that a '$' in a text needs no escape.
func (s *strict) expand(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${") {
		n.Value = os.Expand(n.Value, func(name string) string {
			v, ok := s.env(name)
			if !ok {
				s.fault(n, "environment variable %s is not set", name)
			}
			return v
		})
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		s.expand(c)
	}
}

var (
	nodeType        = reflect.TypeFor[yaml.Node]()
	unmarshalerType = reflect.TypeFor[yaml.Unmarshaler]()
	shapedType      = reflect.TypeFor[Shaped]()
)

// check compares a node's keys with the yaml tags of the type that it is to fill.
func (s *strict) check(n *yaml.Node, t reflect.Type, key string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case t == nodeType:
	case t.Implements(shapedType):
		s.check(n, reflect.Zero(t).Interface().(Shaped).YAMLShape(), key)
	case reflect.PointerTo(t).Implements(unmarshalerType):
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, c := range n.Content {
			s.check(c, t.Elem(), fmt.Sprintf("%s[%d]", key, i))
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		s.checkMap(n, t.Elem(), key)
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		s.checkStruct(n, t, key)
	}
}

func (s *strict) checkMap(n *yaml.Node, elem reflect.Type, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		s.check(n.Content[i+1], elem, under(key, n.Content[i].Value))
	}
}

func (s *strict) checkStruct(n *yaml.Node, t reflect.Type, key string) {
	fields, rest := keysOf(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		ft, ok := fields[name.Value]
		if !ok && rest != nil {
			ft, ok = rest, true
		}
		if !ok {
			s.fault(name, "unknown key %s; known here: %s", under(key, name.Value), strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			continue
		}
		s.check(n.Content[i+1], ft, under(key, name.Value))
	}
}

// keysOf lists the keys of a struct, those of inlined structs among them. Where a map is inlined, rest is the
// type of its values, which any other key may have; else nil.
func keysOf(t reflect.Type) (keys map[string]reflect.Type, rest reflect.Type) {
	keys = map[string]reflect.Type{}
	for f := range t.Fields() {
		switch tag, options, _ := strings.Cut(f.Tag.Get("yaml"), ","); {
		case options == "inline" && f.Type.Kind() == reflect.Map:
			rest = f.Type.Elem()
		case options == "inline":
			inner, innerRest := keysOf(f.Type)
			maps.Copy(keys, inner)
			if innerRest != nil {
				rest = innerRest
			}
		case tag != "" && tag != "-":
			keys[tag] = f.Type
		}
	}
	return keys, rest
}

func under(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
