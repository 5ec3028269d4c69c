{{/* The parts of the pod that follow from several values. */}}

{{/* Kubernetes refuses a mount that is recursively read-only and propagated: the one excludes the other. */}}
{{- define "docker-storage-exporter.hostMount" -}}
readOnly: true
{{- $recursive := .Values.hostMounts.recursiveReadOnly }}
{{- $known := semverCompare ">=1.31.0-0" .Capabilities.KubeVersion.Version }}
{{- if and (eq $recursive "Enabled") (not $known) }}
{{- fail (printf "hostMounts.recursiveReadOnly: Enabled needs Kubernetes 1.31, this is %s; use IfPossible or Disabled" .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- if and (ne $recursive "Disabled") $known }}
recursiveReadOnly: {{ $recursive }}
mountPropagation: None
{{- else }}
mountPropagation: {{ .Values.hostMounts.propagation }}
{{- end }}
{{- end }}

{{/* The directories of a node that are mounted: for each its name as a volume, and its path there. */}}
{{- define "docker-storage-exporter.hostPaths" -}}
{{- if eq .Values.hostMounts.variant "wholeHost" }}
root: /
{{- else }}
{{- $root := clean .Values.dataRoot }}
data-root: {{ $root | quote }}
{{- $images := "" }}
{{- if .Values.containerdRoot }}
{{- $images = clean .Values.containerdRoot }}
containerd-root: {{ $images | quote }}
{{- end }}
{{- $others := list }}
{{- range .Values.hostMounts.paths }}
{{- $others = append $others (clean .) }}
{{- end }}
{{- range $number, $path := without (uniq $others) $root $images }}
path-{{ $number }}: {{ $path | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "docker-storage-exporter.args" -}}
- --path.rootfs=/host
- {{ printf "--path.data-root=%s" (clean .Values.dataRoot) | quote }}
{{- if .Values.containerdRoot }}
- {{ printf "--path.containerd-root=%s" (clean .Values.containerdRoot) | quote }}
{{- end }}
- --web.listen-address=:{{ .Values.containerPort }}
{{- if .Values.engine.proxy.enabled }}
- --docker.host=unix:///run/engine/docker.sock
{{- else if .Values.engine.socket }}
- {{ printf "--docker.host=unix://%s" .Values.engine.socket | quote }}
{{- else if .Values.engine.host }}
- {{ printf "--docker.host=%s" .Values.engine.host | quote }}
{{- end }}
{{- if .Values.config }}
- --config.file=/etc/docker-storage-exporter/exporter.yaml
{{- end }}
{{- if .Values.webConfig.secretName }}
- --web.config.file={{ include "docker-storage-exporter.webConfigFile" . }}
{{- end }}
{{- if .Values.state.enabled }}
- --state.file=/state/ledger.json
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "docker-storage-exporter.securityContext" -}}
{{- $context := deepCopy (default dict .Values.securityContext) }}
{{- if .Values.hostPID }}
{{- $capabilities := default dict $context.capabilities }}
{{- $add := append (default list $capabilities.add) "SYS_PTRACE" | uniq }}
{{- $_ := set $context "capabilities" (merge (dict "add" $add) $capabilities) }}
{{- end }}
{{- if and .Values.appArmorProfile (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}
{{- $_ := set $context "appArmorProfile" .Values.appArmorProfile }}
{{- end }}
{{- with .Values.seLinuxOptions }}
{{- $_ := set $context "seLinuxOptions" . }}
{{- end }}
{{- toYaml $context }}
{{- end }}

{{/* The spelling of an AppArmor profile before Kubernetes 1.30. */}}
{{- define "docker-storage-exporter.appArmorAnnotation" -}}
{{- if and .Values.appArmorProfile (semverCompare "<1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- $spelled := dict "RuntimeDefault" "runtime/default" "Unconfined" "unconfined" -}}
{{- $local := printf "localhost/%s" (default "" .Values.appArmorProfile.localhostProfile) -}}
container.apparmor.security.beta.kubernetes.io/exporter: {{ default $local (get $spelled .Values.appArmorProfile.type) }}
{{- end }}
{{- end }}

{{/* How the kubelet asks: by HTTP, but with a web configuration by the exporter's own command, which needs no password. */}}
{{- define "docker-storage-exporter.question" -}}
{{- $root := .root }}
{{- $method := default (ternary "httpGet" "exec" (empty $root.Values.webConfig.secretName)) $root.Values.probes.method }}
{{- if eq $method "tcpSocket" -}}
tcpSocket:
  port: metrics
{{- else if eq $method "exec" -}}
exec:
  command:
    - docker-storage-exporter
    - health
    - --web.listen-address=:{{ $root.Values.containerPort }}
{{- else -}}
httpGet:
  path: {{ .path }}
  port: metrics
  scheme: {{ include "docker-storage-exporter.scheme" $root | upper }}
  {{- with $root.Values.probes.httpHeaders }}
  httpHeaders:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The proxy before the engine's socket; what it lets through is in files/proxy. */}}
{{- define "docker-storage-exporter.proxy" -}}
{{- if not .Values.engine.socket }}
{{- fail "engine.proxy needs engine.socket: that is what it stands before" }}
{{- end -}}
- name: engine
  image: {{ .Values.engine.proxy.image | quote }}
  {{- with .Values.engine.proxy.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
  volumeMounts:
    - name: proxy-config
      mountPath: /usr/local/etc/haproxy/haproxy.cfg
      subPath: haproxy.cfg
      readOnly: true
    - name: engine
      mountPath: /var/run/docker.sock
      readOnly: true
    - name: proxy
      mountPath: /run/engine
{{- end }}
