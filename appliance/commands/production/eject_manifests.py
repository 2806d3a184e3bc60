"""The texts that run the production image: a compose file, a Kubernetes base, the names of the variables.

This module writes nothing.
"""

from __future__ import annotations

import json
from string import Template
from typing import TYPE_CHECKING

from appliance.commands.production.eject_image import CHECK, PORT, USER, comment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.commands.production.eject_facts import Facts

COMPOSE = "compose.production.yml"
VARIABLES = ".env.production"
EXAMPLE = f"{VARIABLES}.example"
FOLDER = "kubernetes/production"
_GRACE_S = 30
_DEPLOYMENT = Template("""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $name
  labels:
    app.kubernetes.io/name: $name
spec:
  replicas: $replicas
  selector:
    matchLabels:
      app.kubernetes.io/name: $name
  strategy:
    rollingUpdate:
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/name: $name
    spec:
      automountServiceAccountToken: false
      # Service links would set APP_PORT and similar variables, which projects read as their own.
      enableServiceLinks: false
      terminationGracePeriodSeconds: $grace
      securityContext:
        runAsNonRoot: true
        runAsUser: $user
        runAsGroup: $user
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: app
          image: $name
          ports:
            - name: http
              containerPort: $port
          envFrom:
            # kubectl create secret generic $name-variables --from-env-file=$variables
            - secretRef:
                name: $name-variables
                optional: $optional
          # The container's own check. Better is a path that also asks the database:
          # httpGet: {path: /healthz, port: http, httpHeaders: [{name: Host, value: one of your hosts}]}
          startupProbe:
            exec:
              command: $check
            timeoutSeconds: 5
            periodSeconds: 2
            failureThreshold: 60
          readinessProbe:
            exec:
              command: $check
            timeoutSeconds: 5
            periodSeconds: 10
          livenessProbe:
            exec:
              command: $check
            timeoutSeconds: 5
            periodSeconds: 30
            failureThreshold: 4
          lifecycle:
            preStop:
              exec:
                # Until no client is sent here any more.
                command: ["python", "-I", "-c", "import time; time.sleep(5)"]
          resources:
            requests:
              cpu: 250m
              memory: 256Mi
            limits:
              memory: 512Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop:
                - ALL
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir: {}
""")


def compose_text(facts: Facts, dockerfile: str, gaps: Iterable[str]) -> str:
    """Return the text of the compose file."""
    named = f": {EXAMPLE} lists the names" if facts.required or facts.given else ", if it reads any"
    lines = [
        f"# Runs the production image: docker compose -f {COMPOSE} up --build --wait",
        *_unknown(gaps),
        f"name: {facts.name}-production",
        "services:",
        "  app:",
        f"    image: {facts.name}:latest",
        "    build:",
        "      context: .",
        f"      dockerfile: {dockerfile}",
        f"    # Its values{named}. Keep the file out of the image and out of git.",
        "    env_file:",
        f"      - path: {VARIABLES}",
        f"        required: {'true' if facts.required else 'false'}",
        "    ports:",
        "      # For a proxy on this machine, which ends HTTPS.",
        f'      - "127.0.0.1:${{PUBLISH_PORT:-{PORT}}}:{PORT}"',
        "    read_only: true",
        "    tmpfs:",
        "      - /tmp",
        "    cap_drop:",
        "      - ALL",
        "    security_opt:",
        "      - no-new-privileges:true",
        "    restart: unless-stopped",
        f"    stop_grace_period: {_GRACE_S}s",
    ]
    return "\n".join(lines) + "\n"


def variables_text(facts: Facts) -> str:
    """Return the names of the variables that the project reads, without values."""
    lines = [f"# Copy this file to {VARIABLES}, and fill it in. Keep that file out of git."]
    if facts.required:
        lines += ["", "# The project does not start without these.", *(f"{name}=" for name in facts.required)]
    if facts.given:
        lines += ["", "# The .env files of development set these.", *(f"# {name}=" for name in facts.given)]
    return "\n".join(lines) + "\n"


def kubernetes_texts(facts: Facts, gaps: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file of the Kustomize base."""
    name = facts.name
    kustomization = [
        f"# kubectl apply --kustomize {FOLDER}",
        *_unknown(gaps),
        "apiVersion: kustomize.config.k8s.io/v1beta1",
        "kind: Kustomization",
        "resources:",
        "  - deployment.yaml",
        "  - service.yaml",
        "images:",
        "  # Name the registry and the release: newName, newTag.",
        f"  - name: {name}",
        '    newTag: "latest"',
    ]
    yield f"{FOLDER}/kustomization.yaml", "\n".join(kustomization) + "\n"
    service = [
        "apiVersion: v1", "kind: Service", "metadata:", f"  name: {name}", "spec:", "  selector:",
        f"    app.kubernetes.io/name: {name}", "  ports:", "    - name: http",
        "      port: 80", "      targetPort: http",
    ]  # fmt: skip
    yield f"{FOLDER}/service.yaml", "\n".join(service) + "\n"
    yield f"{FOLDER}/deployment.yaml", _deployment(facts)


def _deployment(facts: Facts) -> str:
    return _DEPLOYMENT.substitute(
        name=facts.name,
        replicas="1" if facts.one_process else "2",
        grace=_GRACE_S,
        user=USER,
        port=PORT,
        variables=VARIABLES,
        optional="false" if facts.required else "true",
        check=json.dumps(["python", "-I", "-c", CHECK]),
    )


def _unknown(gaps: Iterable[str]) -> list[str]:
    return [f"# Not known: {comment(gap)}" for gap in gaps]
