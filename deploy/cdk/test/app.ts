/** What a user of the original has, with one import changed; `tests/counterparts` looks at what it synthesises. */

import { App, Stack } from "aws-cdk-lib";
import { Key } from "aws-cdk-lib/aws-kms";
import { IntegrationPattern, JsonPath, StateMachine, TaskInput } from "aws-cdk-lib/aws-stepfunctions";
import { LambdaInvoke } from "aws-cdk-lib/aws-stepfunctions-tasks";
import { DefinitionBody } from "aws-cdk-lib/aws-stepfunctions";
import { SfnRedshiftTasker } from "../src";

const app = new App();
const stack = new Stack(app, "original");
const redshiftTargetProps = { dbUser: "etl", dbName: "dev", clusterIdentifier: "analytics-1" };
const memorySize = Number(process.env.MEMORY ?? 256);
const tasker = new SfnRedshiftTasker(stack, "Tasker", { redshiftTargetProps, logLevel: "DEBUG", powertoolsArn: "arn", memorySize });
// The original's way to have a second user: the same table.
new SfnRedshiftTasker(stack, "Second", {
  redshiftTargetProps: { ...redshiftTargetProps, dbUser: "reporting" },
  existingTableObj: tasker.trackingTable,
  createCallbackInfra: false,
  encryptionKey: new Key(stack, "Key"),
  functionName: "second",
  teams: ["reports"],
  parameters: { StateMachineArns: ["arn:aws:states:eu-west-1:123456789012:stateMachine:load"] },
});
const step = new LambdaInvoke(stack, "Load", {
  lambdaFunction: tasker.lambdaFunction,
  integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
  payload: TaskInput.fromObject({
    taskToken: JsonPath.taskToken,
    executionArn: JsonPath.stringAt("$$.Execution.Id"),
    sqlStatement: "select 1",
  }),
});
new StateMachine(stack, "Machine", { definitionBody: DefinitionBody.fromChainable(step) });
app.synth();
