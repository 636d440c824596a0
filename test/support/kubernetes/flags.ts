/**
 * The command lines of a test cluster's servers, as plain data.
 * All listen on loopback or not at all; etcd speaks over a socket file, so that no two clusters want one port.
 */

export type Layout = {
  folder: string;
  /** Short on purpose: a socket's path may not exceed about 100 characters. */
  socket: string;
  certificates: string;
  /** The API server's self-signed certificate, which is also what its clients trust. */
  caFile: string;
  kubeconfigFile: string;
  tokensFile: string;
  signingKeyFile: string;
  publicKeyFile: string;
};

/** A peer address that nobody dials: a cluster of one has no peers, yet etcd asks for it. */
const nobody = "http://127.0.0.1:1";

export function etcdFlags(layout: Layout, durable: boolean): string[] {
  return [
    "--name=test",
    `--data-dir=${layout.folder}/etcd`,
    `--listen-client-urls=unix://${layout.socket}`,
    `--advertise-client-urls=${nobody}`,
    "--listen-peer-urls=http://127.0.0.1:0",
    `--initial-advertise-peer-urls=${nobody}`,
    `--initial-cluster=test=${nobody}`,
    ...(durable ? [] : ["--unsafe-no-fsync"]),
  ];
}

/** Without controllers nothing makes service accounts, so the admission that asks for them is off then. */
export function apiserverFlags(layout: Layout, port: number, controllers: boolean): string[] {
  return [
    `--etcd-servers=unix://${layout.socket}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    // Nothing dials the `kubernetes` Service, and a machine without a network has no other address.
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    `--cert-dir=${layout.certificates}`,
    `--token-auth-file=${layout.tokensFile}`,
    `--service-account-key-file=${layout.publicKeyFile}`,
    `--service-account-signing-key-file=${layout.signingKeyFile}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-cluster-ip-range=10.0.0.0/24",
    "--authorization-mode=RBAC",
    "--allow-privileged=true",
    // Open watches would hold the stop of a test for a minute.
    "--shutdown-watch-termination-grace-period=0s",
    ...(controllers ? [] : ["--disable-admission-plugins=ServiceAccount"]),
  ];
}

export function controllerManagerFlags(layout: Layout): string[] {
  return [
    `--kubeconfig=${layout.kubeconfigFile}`,
    "--controllers=*,-node-ipam-controller",
    // Simulated nodes renew no lease: on a busy machine they would be taken for dead, and their pods with them.
    "--node-monitor-grace-period=24h",
    "--leader-elect=false",
    "--secure-port=0",
    `--service-account-private-key-file=${layout.signingKeyFile}`,
    `--root-ca-file=${layout.caFile}`,
  ];
}

export function schedulerFlags(layout: Layout): string[] {
  return [`--kubeconfig=${layout.kubeconfigFile}`, "--leader-elect=false", "--secure-port=0"];
}

export function kwokFlags(layout: Layout): string[] {
  return [`--kubeconfig=${layout.kubeconfigFile}`, "--manage-all-nodes=true"];
}
