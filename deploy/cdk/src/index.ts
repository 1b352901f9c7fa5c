/**
 * Signalbox as a CDK construct, with the name and the properties of the construct that it replaces.
 *
 * It is thin: the parts are those of `deploy/template.yaml`, which is included with its parameters filled in. So a stack
 * of the CDK and one of CloudFormation are the same deployment.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Annotations, Fn, Names, Stack } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { ITable, Table } from "aws-cdk-lib/aws-dynamodb";
import { IRole, Role } from "aws-cdk-lib/aws-iam";
import { IKey } from "aws-cdk-lib/aws-kms";
import { CfnAlias, CfnFunction, CfnVersion, Function as LambdaFunction, IFunction } from "aws-cdk-lib/aws-lambda";
import { Bucket, IBucket } from "aws-cdk-lib/aws-s3";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { IQueue, Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

/** The target of SQL, as the original has it. */
export interface RedshiftTargetProps {
  /** The database user, for temporary credentials. */
  readonly dbUser: string;
  /** The database. */
  readonly dbName: string;
  /** The provisioned cluster. */
  readonly clusterIdentifier: string;
}

/** Properties of the original that have no counterpart, each with the reason. They are taken and warned about. */
const WITHOUT_COUNTERPART: Record<string, string> = {
  existingQueueObj: "the deployment has a queue of its own",
  queueProps: "the queue is the template's",
  enableQueuePurging: "nothing needs to purge the queue",
  deadLetterQueueProps: "the queue of dead letters is the template's",
  deployDeadLetterQueue: "there are always dead letters",
  maxReceiveCount: "a message is tried 15 times, as the original's default",
  enableEncryptionWithCustomerManagedKey: "give `encryptionKey`",
  encryptionKeyProps: "give `encryptionKey`",
  starterExistingLambdaObj: "the function is made from a package",
  starterLambdaFunctionProps: "give `memorySize`, `parameters`",
  completerExistingLambdaObj: "one function takes all events",
  completerLambdaFunctionProps: "one function takes all events",
  dynamoTableProps: "the table is the template's; or give `existingTableObj`",
  tablePermissions: "the role has what it needs",
  pythonLayerVersionProps: "there is no Python in it",
  powertoolsArn: "there is no Python in it",
  createCallbackInfra: "every deployment settles its own statements",
};

/** The properties of the original; those from `packagePath` on are new. */
export interface SfnRedshiftTaskerProps {
  readonly redshiftTargetProps: RedshiftTargetProps;
  /** DEBUG, INFO, WARNING or ERROR. */
  readonly logLevel?: string;
  /** A table with the ledger's keys to use in place of a new one, such as another tasker's. */
  readonly existingTableObj?: ITable;
  /** The key of table, queues, bucket, log and environment. `docs/template.md` has what its policy needs. */
  readonly encryptionKey?: IKey;

  readonly existingQueueObj?: unknown;
  readonly queueProps?: unknown;
  readonly enableQueuePurging?: boolean;
  readonly deadLetterQueueProps?: unknown;
  readonly deployDeadLetterQueue?: boolean;
  readonly maxReceiveCount?: number;
  readonly enableEncryptionWithCustomerManagedKey?: boolean;
  readonly encryptionKeyProps?: unknown;
  readonly starterExistingLambdaObj?: unknown;
  readonly starterLambdaFunctionProps?: unknown;
  readonly completerExistingLambdaObj?: unknown;
  readonly completerLambdaFunctionProps?: unknown;
  readonly dynamoTableProps?: unknown;
  readonly tablePermissions?: unknown;
  readonly pythonLayerVersionProps?: unknown;
  readonly powertoolsArn?: string;
  readonly createCallbackInfra?: boolean;

  /** The package: a zip with `bootstrap` and `standard.cwasm`. By default what the variable SIGNALBOX_PACKAGE names. */
  readonly packagePath?: string;
  /** What `packagePath` was built for: x86_64 (the default) or arm64. */
  readonly architecture?: "x86_64" | "arm64";
  /** The name of the function and so of the deployment. By default it is made of the construct's path. */
  readonly functionName?: string;
  /** MB; 256 by default. */
  readonly memorySize?: number;
  /** Teams that get an alias of their own: see `aliases`. */
  readonly teams?: string[];
  /**
   * Other parameters of the template by their names, such as `{ PolicySetKey: "live/set.toml" }`. Lists are arrays.
   * `docs/template.md` explains all of them.
   */
  readonly parameters?: Record<string, string | number | string[]>;
}

/** One deployment of Signalbox. */
export class SfnRedshiftTasker extends Construct {
  /** What state machines invoke: the alias `live`. */
  public readonly lambdaFunction: IFunction;
  /** The table that holds the record. */
  public readonly trackingTable: ITable;
  /** What the state machines of a team invoke, by the team's name. */
  public readonly aliases: Record<string, IFunction>;
  /** The bucket of policy sets. */
  public readonly policyBucket: IBucket;
  /** The queue of events, which takes payloads from `sqs:sendMessage.waitForTaskToken` too. */
  public readonly queue: IQueue;
  /** The role of the function. */
  public readonly role: IRole;
  /** The resources of the template by their logical ids, for whatever else has to be changed. */
  public readonly template: CfnInclude;

  constructor(scope: Construct, id: string, props: SfnRedshiftTaskerProps) {
    super(scope, id);
    for (const [name, reason] of Object.entries(WITHOUT_COUNTERPART)) {
      if (props[name as keyof SfnRedshiftTaskerProps] !== undefined) {
        Annotations.of(this).addWarningV2(`signalbox:${name}`, `\`${name}\` has no effect: ${reason}.`);
      }
    }
    const path = props.packagePath ?? process.env.SIGNALBOX_PACKAGE;
    if (!path) {
      throw new Error("say where the package is: `packagePath`, or the variable SIGNALBOX_PACKAGE (docs/template.md builds it)");
    }
    // Its key is the digest of its content, so another package is another key.
    const code = new Asset(this, "Package", { path });
    const functionName = props.functionName ?? Names.uniqueResourceName(this, { maxLength: 52, allowedSpecialCharacters: "-_" });
    const target = props.redshiftTargetProps;
    const settings = {
      MemorySize: props.memorySize ?? 256,
      LogLevel: props.logLevel ?? "INFO",
      ClusterIdentifier: target.clusterIdentifier,
      Database: target.dbName,
      DbUser: target.dbUser,
      ...(props.existingTableObj && { ExistingTableName: props.existingTableObj.tableName }),
      ...(props.encryptionKey && { KmsKeyArn: props.encryptionKey.keyArn }),
    };
    this.template = new CfnInclude(this, "Deployment", {
      templateFile: withoutMetadata(templateFile()),
      preserveLogicalIds: false,
      parameters: {
        FunctionName: functionName,
        PackageBucket: code.s3BucketName,
        PackageKey: code.s3ObjectKey,
        Architecture: props.architecture ?? "x86_64",
        ...settings,
        ...props.parameters,
      },
    });

    // Conditions of a template may not look at resources, and these two may be resources of the same app.
    const never = Fn.conditionEquals("a", "b");
    if (props.existingTableObj) {
      this.template.getCondition("MakesTable").expression = never;
    }
    if (props.encryptionKey) {
      this.template.getCondition("HasKey").expression = Fn.conditionNot(never);
    }
    // A version has to change with the settings too, and can be made only of a function that has changed.
    const version = this.template.getResource("Version") as CfnVersion;
    const made = this.template.getResource("Function") as CfnFunction;
    const digest = settingsDigest({ ...settings, ...props.parameters }, this);
    version.description = `${digest} ${version.description}`;
    made.description = `${made.description} ${digest}`;
    const live = this.template.getResource("LiveAlias") as CfnAlias;
    this.lambdaFunction = LambdaFunction.fromFunctionAttributes(this, "LambdaFunction", {
      functionArn: live.ref,
      sameEnvironment: true,
    });
    this.aliases = Object.fromEntries(
      (props.teams ?? []).map((team) => {
        const alias = new CfnAlias(this, `Alias${team}`, {
          name: team,
          description: `For callers of the team ${team}.`,
          functionName: made.ref,
          functionVersion: version.attrVersion,
        });
        const attributes = { functionArn: alias.ref, sameEnvironment: true };
        return [team, LambdaFunction.fromFunctionAttributes(this, `Function${team}`, attributes)];
      }),
    );
    const stack = Stack.of(this);
    this.trackingTable =
      props.existingTableObj ?? Table.fromTableName(this, "TrackingTable", this.template.getResource("Table").ref);
    this.policyBucket = Bucket.fromBucketName(this, "Policies", this.template.getResource("PolicyBucket").ref);
    const queueArn = stack.formatArn({ service: "sqs", resource: `${functionName}-completions` });
    this.queue = Queue.fromQueueArn(this, "Queue", queueArn);
    this.role = Role.fromRoleName(this, "FunctionRole", this.template.getResource("Role").ref);
  }
}

/** The template: beside the package of npm, or where it is in the repository. */
function templateFile(): string {
  const places = [join(__dirname, "..", "template.yaml"), join(__dirname, "..", "..", "template.yaml")];
  const found = [process.env.SIGNALBOX_TEMPLATE ?? "", ...places].find((place) => place && existsSync(place));
  if (!found) {
    throw new Error(`the template is in none of ${places.join(", ")}`);
  }
  return found;
}

/**
 * A copy of the template without its top-level metadata, which groups parameters that are filled in here: a stack with two
 * deployments could not have it twice.
 */
function withoutMetadata(template: string): string {
  const text = readFileSync(template, "utf8").replace(/^Metadata:\n[^]*?(?=^\S)/m, "");
  const copy = join(mkdtempSync(join(tmpdir(), "signalbox-")), "template.yaml");
  writeFileSync(copy, text);
  return copy;
}

/** A short digest of settings, tokens by what they resolve to. */
function settingsDigest(settings: object, scope: Construct): string {
  const text = JSON.stringify(Stack.of(scope).resolve(settings));
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
