{{- define "goeswith.name" -}}
{{- printf "%s-goeswith" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "goeswith.selector" -}}
app.kubernetes.io/name: goeswith
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "goeswith.labels" -}}
{{ include "goeswith.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "goeswith.claim" -}}
{{- .Values.home.existingClaim | default (printf "%s-home" (include "goeswith.name" .)) -}}
{{- end -}}

{{/* What the restricted Pod Security Standard asks of a pod, and of a container. */}}
{{- define "goeswith.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "goeswith.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "goeswith.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "goeswith.placed" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Settings and secrets of whatever runs our code; HOME stays the image's. */}}
{{- define "goeswith.environment" -}}
envFrom:
  - configMapRef: {name: {{ include "goeswith.name" . }}}
  - secretRef: {name: {{ .Values.secrets.environment }}}
{{- end -}}

{{- define "goeswith.mounts" -}}
- {name: home, mountPath: /var/lib/goeswith}
- {name: tmp, mountPath: /tmp}
{{- if .Values.secrets.signing }}
- {name: signing, mountPath: /run/secrets/signing, readOnly: true}
{{- end }}
{{- end -}}

{{- define "goeswith.volumes" -}}
- name: home
  persistentVolumeClaim: {claimName: {{ include "goeswith.claim" . }}}
- name: tmp
  emptyDir: {sizeLimit: 4Gi}
{{- if .Values.secrets.signing }}
- name: signing
  secret: {secretName: {{ .Values.secrets.signing }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{- define "goeswith.namespace" -}}
{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ . }}}}}
{{- end -}}

{{/* The same selector on one line. */}}
{{- define "goeswith.match" -}}
{matchLabels: {app.kubernetes.io/name: goeswith, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .component }}}}
{{- end -}}

{{/* The profile's operator.pods (goeswith/profile.py), as JSON. */}}
{{- define "goeswith.pods" -}}
{{- $name := include "goeswith.name" . -}}
{{- $run := .Values.runPods -}}
{{- $gpu := dict "count" $run.gpu.count "node_selector" $run.gpu.nodeSelector "tolerations" $run.gpu.tolerations -}}
{{- $images := dict "jobs_image" .Values.images.jobs "trainer_image" .Values.images.trainer "pull_policy" .Values.images.pullPolicy -}}
{{- $names := dict "config_maps" (list $name) "secrets" (list .Values.secrets.environment) "signing_secret" .Values.secrets.signing -}}
{{- $place := dict "namespace" .Release.Namespace "instance" .Release.Name "service_account" (printf "%s-jobs" $name) -}}
{{- $sizes := dict "jobs" $run.resources "training" $run.training "gpu" $gpu "scratch" $run.scratch "claim" (include "goeswith.claim" .) -}}
{{- $nodes := dict "node_selector" $run.nodeSelector "tolerations" $run.tolerations "pull_secrets" .Values.images.pullSecrets -}}
{{- merge $images $names $place $sizes $nodes | toJson -}}
{{- end -}}
