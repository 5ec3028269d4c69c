module cadvisor-walk

go 1.21

require github.com/google/cadvisor v0.49.1

require (
	github.com/go-logr/logr v1.2.0 // indirect
	github.com/google/uuid v1.3.0 // indirect
	github.com/mistifyio/go-zfs v2.1.2-0.20190413222219-f784269be439+incompatible // indirect
	github.com/moby/sys/mountinfo v0.6.2 // indirect
	golang.org/x/sys v0.10.0 // indirect
	k8s.io/klog/v2 v2.100.1 // indirect
)
