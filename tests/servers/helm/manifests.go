// manifests API reads Kubernetes objects in YAML from its standard input and refuses what the API would not take as it is
// meant: fields that no such object has, values of another type, kinds that are not known, and fields that are missing by
// the OpenAPI specification in the file API. It prints one KIND/NAME a line.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// whole tells what `document`, an object of this kind, lacks.
func whole(document []byte, kind *schema.GroupVersionKind, published *api) error {
	var object map[string]any
	if err := yaml.Unmarshal(document, &object); err != nil {
		return err
	}
	by, err := published.of(kind.Group, kind.Version, kind.Kind)
	if err != nil {
		return err
	}
	if missing := published.missing(object, by, kind.Kind); len(missing) > 0 {
		return fmt.Errorf("missing: %s", strings.Join(missing, ", "))
	}
	return nil
}

func read(input io.Reader, published *api) error {
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(input))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		object, kind, err := strict.Decode(document, nil, nil)
		if err == nil {
			err = whole(document, kind, published)
		}
		if err != nil {
			return fmt.Errorf("%w, in:\n%s", err, document)
		}
		named, err := meta.Accessor(object)
		if err != nil {
			return err
		}
		fmt.Printf("%s/%s\n", kind.Kind, named.GetName())
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manifests API <OBJECTS")
		os.Exit(2)
	}
	published, err := readAPI(os.Args[1])
	if err == nil {
		err = read(os.Stdin, published)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}
